"""The products whose users can be imported: the shape of their files, and their readers."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from types import ModuleType

from authapi.crypto.foreign_hashes import FirebaseProject
from authapi.services.accounts.importing import (
    auth0,
    django,
    fastapi_users,
    firebase,
    keycloak,
    own,
    supabase,
    wordpress,
)
from authapi.services.accounts.importing.files import Shape
from authapi.services.accounts.importing.users import ImportedUser, Record

OWN, FIREBASE = "authapi", "firebase"
_MODULES: dict[str, ModuleType] = {
    OWN: own,
    "fastapi-users": fastapi_users,
    "django": django,
    "supabase": supabase,
    FIREBASE: firebase,
    "keycloak": keycloak,
    "auth0": auth0,
    "wordpress": wordpress,
}
PRODUCTS = tuple(_MODULES)


@dataclass(frozen=True, slots=True)
class Product:
    """A product's file, and its reader.

    `read` makes a user of a record. Raises BadRecordError.
    """

    shape: Shape
    read: Callable[[Record], ImportedUser]


def product_of(name: str, *, project: FirebaseProject | None, now: float) -> Product:
    """Return the product of that name. `project` is Firebase's alone; `now` in Unix seconds."""
    module = _MODULES[name]
    needs: dict[str, dict[str, object]] = {FIREBASE: {"project": project}, "supabase": {"now": now}}
    return Product(module.SHAPE, partial(module.read, **needs.get(name, {})))
