"""Which users may become accounts: the rules of registration, but for those about the password."""

from authapi.crypto.ids import new_id
from authapi.crypto.passwords import NO_PASSWORD, UnusableHashError, require_usable_hash
from authapi.db.imports import NewImport
from authapi.errors import InvalidField
from authapi.services.accounts.importing.products import Product
from authapi.services.accounts.importing.users import BadRecordError, ImportedUser, Record
from authapi.services.accounts.names import (
    MAX_EMAIL_LENGTH,
    canonical,
    canonical_email,
    parse_email,
    parse_username,
    trimmed,
)
from authapi.services.accounts.scopes import require_grantable


def as_account(product: Product, found: Record | BadRecordError) -> NewImport:
    """Return the account that a record describes. Raises BadRecordError."""
    if isinstance(found, BadRecordError):
        raise found
    user = product.read(found)
    try:
        require_grantable(user.scopes)
        if user.password_hash:
            require_usable_hash(user.password_hash)
        return _account(user)
    except InvalidField as problem:
        raise BadRecordError(problem.errors[0]["msg"]) from problem
    except UnusableHashError as problem:
        raise BadRecordError(str(problem)) from problem


def _account(user: ImportedUser) -> NewImport:
    email = parse_email(trimmed(user.email))
    email_canonical = canonical_email(email)
    username = _username(user.username, email_canonical)
    return NewImport(
        id=new_id(),
        email=email,
        email_canonical=email_canonical,
        username=username,
        username_canonical=canonical(username) if username else None,
        password_hash=user.password_hash or NO_PASSWORD,
        scopes=user.scopes,
        is_verified=user.email_verified,
        is_disabled=user.disabled,
    )


def _username(typed: str | None, email_canonical: str) -> str | None:
    """Return a username. Many products have the address there once more, which we leave out."""
    username = trimmed(typed or "")
    if not username:
        return None
    if len(username) <= MAX_EMAIL_LENGTH and canonical_email(username) == email_canonical:
        return None
    return parse_username(username)
