"""Refusals of a request that nobody could carry out as it is, or not now."""

from collections.abc import Mapping
from math import ceil

from authapi.errors.refusal import Refusal
from authapi.verifier import bearer


class BadRequest(Refusal):
    description = "The request is malformed."


class NotFound(Refusal):
    status = 404
    code = "not_found"
    description = "There is nothing here."


class MethodNotAllowed(Refusal):
    status = 405
    code = "method_not_allowed"
    description = "The method is not allowed here."

    def __init__(self, allowed: str) -> None:
        super().__init__()
        self.headers = {"Allow": allowed}


class PayloadTooLarge(Refusal):
    status = 413
    code = "payload_too_large"
    description = "The body is larger than 64 KiB."


class UriTooLong(Refusal):
    status = 414
    code = "uri_too_long"
    description = "The target is longer than 8 KiB."


class UnsupportedMediaType(Refusal):
    status = 415
    code = "unsupported_media_type"
    description = "The body must be application/json."


class InvalidField(Refusal):
    """A field that has the right type and breaks a rule. `message` never repeats the input."""

    status = 422
    code = "validation_error"
    description = "The request has a field that is not valid."

    def __init__(self, field: str, message: str, kind: str, *, place: str = "body") -> None:
        super().__init__()
        self.errors = [{"loc": [place, field], "msg": message, "type": kind}]


class RateLimited(Refusal):
    status = 429
    code = "rate_limited"
    description = "Too many requests. Wait before you try again."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, ceil(retry_after)))}


class HeaderFieldsTooLarge(Refusal):
    status = 431
    code = "request_header_fields_too_large"
    description = "The head of the request is larger than 64 KiB, or has more than 200 fields."


class ServerError(Refusal):
    """A mistake of ours. What happened is in the log, under the request's X-Request-ID."""

    status = 500
    code = "server_error"
    description = "Something went wrong here."


class Unavailable(Refusal):
    status = 503
    code = "unavailable"
    description = bearer.UNAVAILABLE
    headers: Mapping[str, str] = bearer.RETRY_SOON


class PasswordCheckUnavailable(Unavailable):
    """AUTHAPI_BREACHED_PASSWORDS_FAIL_CLOSED: nobody can say whether the password was stolen."""

    description = "New passwords can't be checked now. Try again soon."

    def __init__(self, retry_after: float) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(ceil(retry_after))}
