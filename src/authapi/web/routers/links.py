"""What comes back from mails, and the mails that strangers ask for."""

from fastapi import APIRouter, Request, Response

from authapi.errors import InvalidLink, RateLimited
from authapi.services.accounts import undoing
from authapi.services.accounts.email_verification import (
    ReturnedProof,
    ask_to_verify,
    verify_email,
)
from authapi.services.accounts.mail_request import MailRequest
from authapi.services.accounts.names import canonical_email
from authapi.services.accounts.password_reset import (
    PasswordReset,
    ask_to_reset,
    reset_password,
)
from authapi.services.mail.links import Proof
from authapi.web.bodies import StrictRoute
from authapi.web.dependencies import AppRuntime, FromDevice, locale_of
from authapi.web.mail_schemas import AskedMail, LinkOrCode, NewPassword, OnlyLink
from authapi.web.openapi.document import BODY, refusals

router = APIRouter(route_class=StrictRoute, tags=["mails"])


@router.post(
    "/email/verify",
    status_code=204,
    summary="Verify the address of a mail, or change to it",
    responses=refusals(*BODY, InvalidLink, RateLimited),
)
def verify_address(
    body: LinkOrCode, request: Request, runtime: AppRuntime, device: FromDevice
) -> None:
    """Prove an address by the link or the code of a mail. Each works once.

    A registration that waits becomes an account.
    """
    may_register = runtime.settings.registration != "closed"
    locale = locale_of(request, None)
    returned = ReturnedProof(proof_of(body), device.address, locale, may_register)
    verify_email(runtime.db, runtime.mails, runtime.usernames, runtime.limits, returned)


@router.post(
    "/email/verify/resend",
    status_code=202,
    response_class=Response,
    summary="Send the mail to verify an address again",
    responses=refusals(*BODY, RateLimited),
)
def resend_verification(
    body: AskedMail, request: Request, runtime: AppRuntime, device: FromDevice
) -> Response:
    """Send the mail again. The answer never says whether there is an account."""
    asked = MailRequest(body.email, locale_of(request, body.locale), device.address)
    ask_to_verify(runtime.db, runtime.mails, runtime.limits, asked)
    return Response(status_code=202)


@router.post(
    "/email/undo",
    status_code=204,
    summary="Undo a changed address or a new factor",
    responses=refusals(*BODY, InvalidLink, RateLimited),
)
def undo_change(body: OnlyLink, request: Request, runtime: AppRuntime, device: FromDevice) -> None:
    """Undo what a notice tells of, by its link. Every session ends.

    The account gets its old address back, or a factor goes, with those that were added after it.
    """
    returned = undoing.Undo(Proof(body.token), device, locale_of(request, None))
    undoing.undo_change(runtime.db, runtime.mails, runtime.limits, returned)


@router.post(
    "/password/forgot",
    status_code=202,
    response_class=Response,
    summary="Send a mail to choose a new password",
    responses=refusals(*BODY, RateLimited),
)
def forgot_password(
    body: AskedMail, request: Request, runtime: AppRuntime, device: FromDevice
) -> Response:
    """Send a mail with a link and a code. The answer never says whether there is an account."""
    asked = MailRequest(body.email, locale_of(request, body.locale), device.address)
    ask_to_reset(runtime.db, runtime.mails, runtime.passwords, asked)
    return Response(status_code=202)


@router.post(
    "/password/reset",
    status_code=204,
    summary="Choose a new password, and end every session",
    responses=refusals(*BODY, InvalidLink, RateLimited),
)
async def choose_password(
    body: NewPassword, request: Request, runtime: AppRuntime, device: FromDevice
) -> None:
    """Set a new password by the link or the code of a mail. Every session ends."""
    reset = PasswordReset(
        proof=proof_of(body),
        new_password=body.new_password,
        device=device,
        locale=locale_of(request, body.locale),
    )
    resetting = reset_password(runtime.db, runtime.mails, runtime.passwords, reset)
    await runtime.password_pool.carry_out(resetting, device.address)


def proof_of(body: LinkOrCode) -> Proof:
    email = None if body.email is None else canonical_email(body.email)
    return Proof(body.token, email, body.code or "")
