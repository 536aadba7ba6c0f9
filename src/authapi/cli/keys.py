"""`authapi keys`: the keys that sign access tokens."""

import click

from authapi.cli.connecting import as_text, connected, settings_in_force, settings_with_secret
from authapi.cli.printing import say, show
from authapi.services.factors.totp import reseal_totp_secrets
from authapi.services.keys import rotation
from authapi.services.keys.ring import KEPT_SECONDS, retired_at, states


@click.group()
def keys() -> None:
    """The keys that sign access tokens."""


@keys.command(name="list")
def list_keys() -> None:
    """Show each key's name, algorithm, state and dates, the newest first."""
    with connected(settings_in_force()) as db:
        found, now = rotation.list_keys(db)
    state = states(found, now)
    for key in found:
        retires = retired_at(key, found)
        fields = [key.kid, key.algorithm, state[key.kid], f"created {as_text(key.created_at)}"]
        fields.append(f"signs from {as_text(key.signs_from)}")
        if key.compromised_at:
            fields.append(f"compromised {as_text(key.compromised_at)}")
        elif retires:
            verifies_until = as_text(retires + KEPT_SECONDS)
            fields.append(f"until {as_text(retires)}, verifies until {verifies_until}")
        show("\t".join(fields))


@keys.command()
@click.option("--now", "at_once", is_flag=True, help="Sign at once, without publishing it first.")
def rotate(*, at_once: bool) -> None:
    """Add a key; it signs once it has been published for AUTHAPI_KEY_PUBLISH_DELAY seconds."""
    settings = settings_with_secret()
    with connected(settings) as db:
        key = rotation.rotate_key(db, settings, at_once=at_once)
    say(f"The key {key.kid} ({key.algorithm}) signs from {as_text(key.signs_from)}.")


@keys.command()
@click.argument("kid")
def compromised(kid: str) -> None:
    """Let a key verify nothing from now on, anywhere. Sessions go on by their refresh tokens."""
    settings = settings_with_secret()
    with connected(settings) as db:
        replacement = rotation.mark_compromised(db, settings, kid)
    say(f"The key {kid} verifies nothing any more.")
    if replacement:
        say(f"The key {replacement.kid} signs from {as_text(replacement.signs_from)}.")


@keys.command()
def reseal() -> None:
    """Seal keys and TOTP secrets under the first secret of AUTHAPI_SECRET: older ones can go."""
    settings = settings_with_secret()
    with connected(settings) as db:
        count = rotation.reseal_signing_keys(db, settings)
        secrets = reseal_totp_secrets(db, settings)
    say(f"{count} key(s) and {secrets} TOTP secret(s) sealed anew.")
