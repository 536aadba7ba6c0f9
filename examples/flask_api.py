"""A Flask API behind authapi: pip install flask authapi-verifier; flask --app flask_api run -p 5000

Verifying asks nobody. Yet a log-out at authapi counts here within two seconds, mostly at once.
"""

import os
from collections.abc import Callable
from functools import wraps

from flask import Flask, g, jsonify, request
from flask.typing import ResponseReturnValue

from authapi.verifier import InvalidTokenError, Verifier
from authapi.verifier.bearer import RefusedRequest, bearer_token, refused_token, require_scopes

View = Callable[..., ResponseReturnValue]


def protected(verifier: Verifier, *scopes: str) -> Callable[[View], View]:
    """The view needs an access token with these scopes, and finds its claims in g.subject."""

    def decorate(view: View) -> View:
        @wraps(view)
        def verified(*args: object, **kwargs: object) -> ResponseReturnValue:
            try:
                g.subject = verifier.verify(bearer_token(request.headers.getlist("Authorization")))
            except InvalidTokenError as error:
                raise refused_token(error) from error
            require_scopes(g.subject, scopes)
            return view(*args, **kwargs)

        return verified

    return decorate


def make_app(verifier: Verifier) -> Flask:
    app = Flask(__name__)

    @app.errorhandler(RefusedRequest)
    def refused(error: RefusedRequest) -> ResponseReturnValue:
        return jsonify(error.body), error.status, error.headers

    @app.get("/me")
    @protected(verifier)
    def me() -> ResponseReturnValue:
        return {"id": g.subject.sub, "scopes": sorted(g.subject.scopes)}

    @app.get("/reports")
    @protected(verifier, "reports:read")
    def reports() -> ResponseReturnValue:
        return jsonify(["Q1", "Q2"])

    @app.get("/healthz")
    def healthz() -> ResponseReturnValue:
        status = verifier.status()
        return {"revocations_stale": status.is_stale}, 200 if status.is_ready else 503

    return app


def create_app() -> Flask:
    issuer = os.environ.get("ISSUER", "http://localhost:8000")
    return make_app(Verifier(issuer=issuer, audience=os.environ.get("AUDIENCE", "reports")))
