"""Users, and a pair for each by RefreshToken.for_user, which writes the OutstandingToken row."""

from collections.abc import Iterator

import django

django.setup()

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rest_framework_simplejwt.tokens import RefreshToken  # noqa: E402


def fill(count: int) -> Iterator[dict[str, str]]:
    call_command("migrate", verbosity=0)
    # One hash for all: a thousand of them would take minutes.
    hashed = make_password("correct horse battery staple")
    names = [f"user-{number}" for number in range(count)]
    for user in User.objects.bulk_create(
        User(username=name, email=f"{name}@example.com", password=hashed) for name in names
    ):
        pair = RefreshToken.for_user(user)
        yield {"access_token": str(pair.access_token), "refresh_token": str(pair)}
