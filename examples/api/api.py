"""A second service: it verifies authapi's access tokens by itself, and asks nobody about them.

It fetches the key set once, follows the revocation feed, and so refuses a token within two seconds
of its log-out, mostly at once. It holds no secret of authapi's.
"""

import os
from typing import Annotated

import uvicorn
from fastapi import Depends, FastAPI

from authapi.verifier import Claims, Verifier
from authapi.verifier.fastapi import REFUSALS, AccessToken, answer_refusals, following

PORT = int(os.environ.get("PORT", "8006"))
# Tokens for this service alone: authapi has AUTHAPI_AUDIENCES=reports, clients say "resource".
verifier = Verifier(issuer=os.environ.get("ISSUER", "http://localhost:8000"), audience="reports")

CurrentSubject = Annotated[Claims, Depends(AccessToken(verifier))]
ReportReader = Annotated[Claims, Depends(AccessToken(verifier, "reports:read"))]

app = FastAPI(title="Reports", lifespan=following(verifier), responses=REFUSALS)
answer_refusals(app)


@app.get("/api/data")
async def read_data(subject: CurrentSubject) -> dict[str, str | list[int]]:
    return {"for": subject.sub, "data": [3, 1, 4, 1, 5]}


@app.get("/api/reports")
async def read_reports(_subject: ReportReader) -> list[str]:
    """Needs a scope: `authapi users create EMAIL --scope reports:read`."""
    return ["First quarter", "Second quarter"]


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, access_log=False)
