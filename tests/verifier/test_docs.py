"""docs/verifier.md: its settings are all of them, and its FastAPI example is one."""

import inspect
import re
from typing import Any

from authapi.verifier import Verifier
from authapi.verifier.testing import TokenFactory
from tests.project.tree import ROOT
from tests.verifier.asgi_exchange import ask

TOKENS = TokenFactory("https://auth.example", "authapi")

PAGE = (ROOT / "docs/verifier.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_argument_of_the_verifier_is_in_its_table() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"\w+", row)}
    assert set(inspect.signature(Verifier.__init__).parameters) - {"self"} <= named


def test_the_fastapi_example_protects_its_route() -> None:
    (example,) = [block for block in BLOCKS if "AccessToken" in block]
    names: dict[str, Any] = {}
    exec(compile(example, "docs/verifier.md", "exec"), names)
    operation = names["app"].openapi()["paths"]["/reports"]["get"]
    assert operation["security"] == [{"accessToken": []}]
    assert {"401", "403", "503"} <= operation["responses"].keys()


def test_the_middleware_example_protects_its_route() -> None:
    (example,) = [block for block in BLOCKS if "AuthMiddleware" in block]
    names: dict[str, Any] = {}
    exec(compile(example, "docs/verifier.md", "exec"), names)
    assert ask(names["app"], "/reports").status == 401
    names["app"].user_middleware[0].kwargs["verifier"] = TOKENS.verifier
    names["app"].middleware_stack = None
    bearer = TOKENS.bearer("ada", scopes=["reports:read"])
    assert ask(names["app"], "/reports", bearer).document == ["a report for ada"]
