"""The keys that sign access tokens."""

from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import SmallInteger

from authapi.db.models.model import Id, Model


class SigningKey(Model):
    """A key that signs access tokens from `signs_from` until a later one's `signs_from`.

    `position` counts the keys: its uniqueness lets one of several processes add the next one.
    """

    __tablename__ = "signing_keys"

    kid: Mapped[str] = mapped_column(Id, primary_key=True)
    position: Mapped[int] = mapped_column(SmallInteger, unique=True)
    algorithm: Mapped[str]
    private_sealed: Mapped[bytes]
    created_at: Mapped[float]
    signs_from: Mapped[float]
    compromised_at: Mapped[float | None]
