"""Users, and a pair for each by RefreshToken.for_user, which writes the OutstandingToken row."""

from collections.abc import Iterator
from itertools import cycle, islice

import django

django.setup()

from django.contrib.auth.hashers import make_password  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rest_framework_simplejwt.tokens import RefreshToken  # noqa: E402

from benchmarks.rivals.data.command import PASSWORD, run  # noqa: E402


def prepare(count: int) -> None:
    call_command("migrate", verbosity=0)
    # One hash for all: a thousand of them would take minutes.
    hashed = make_password(PASSWORD)
    User.objects.bulk_create(
        User(username=f"user-{number}", email=f"user-{number}@example.com", password=hashed)
        for number in range(count)
    )


def credentials(count: int) -> Iterator[dict[str, str]]:
    for user in islice(cycle(User.objects.order_by("id")[:count]), count):
        pair = RefreshToken.for_user(user)
        yield {"access_token": str(pair.access_token), "refresh_token": str(pair)}


if __name__ == "__main__":
    run(prepare, credentials)
