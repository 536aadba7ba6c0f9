"""What `authapi users …` makes of what is typed, and of what should not have been."""

from io import BufferedReader, BytesIO, RawIOBase, TextIOWrapper
from typing import TextIO

import pytest

from tests.cli.conftest import Authapi
from tests.support.api import EMAIL, PASSWORD, Api

# No statement differs from what test_users.py runs on both databases.
pytestmark = [
    pytest.mark.usefixtures("configured"),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]

CREATE = ("users", "create", EMAIL, "--password-stdin")


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "\nanother line\n"])
def test_the_password_is_the_first_line_whatever_ends_it(
    ending: str, authapi: Authapi, api: Api
) -> None:
    assert authapi(*CREATE, typed=f"{PASSWORD}{ending}").status == 0
    api.login()


def test_blanks_around_a_password_belong_to_it(authapi: Authapi, api: Api) -> None:
    assert authapi(*CREATE, typed=f"  {PASSWORD} \n").status == 0
    api.login(password=f"  {PASSWORD} ")


def test_a_password_is_never_asked_for_where_nobody_sits(authapi: Authapi) -> None:
    outcome = authapi(*CREATE[:-1])
    assert outcome.status == 2
    assert "use --password-stdin" in outcome.errors


class GoneTerminal(RawIOBase):
    def readable(self) -> bool:
        return True

    def readinto(self, _buffer: object, /) -> int:
        raise OSError(5, "Input/output error")


def broken_inputs() -> dict[str, TextIO | None]:
    """Return what a process may get as standard input: none (`<&-`) is the first."""
    no_text = TextIOWrapper(BytesIO(b"\xff hunter2\n"), encoding="utf-8")
    gone = TextIOWrapper(BufferedReader(GoneTerminal()))
    return {"none": None, "no text": no_text, "gone terminal": gone}


@pytest.mark.parametrize("command", [("set-password", "--password-stdin"), ("set-email",)])
@pytest.mark.parametrize("kind", broken_inputs())
def test_an_input_that_cannot_be_read_is_a_sentence(
    kind: str, command: tuple[str, ...], authapi: Authapi
) -> None:
    """The kind: a stream that the caller did not open, or that breaks, ends in a traceback."""
    authapi(*CREATE, typed=PASSWORD)
    name, *options = command
    for arguments in (CREATE, ("users", name, EMAIL, *options)):
        sentence = authapi(*arguments, typed=broken_inputs()[kind]).sentence
        assert "standard input" in sentence
        assert "hunter2" not in sentence


def test_a_password_is_asked_for_by_no_process_without_input(authapi: Authapi) -> None:
    assert authapi(*CREATE[:-1], typed=None).status == 2


def test_a_password_is_never_repeated(authapi: Authapi) -> None:
    outcome = authapi(*CREATE, typed="passwor\n")
    assert "password: " in outcome.sentence
    assert "passwor " not in outcome.sentence


REFUSED = {
    "no e-mail address": (("users", "create", "nobody", "--password-stdin"), PASSWORD, "email:"),
    "a short password": (CREATE, "short", "password:"),
    "a common password": (CREATE, "password123", "password:"),
    "an empty password": (CREATE, "", "password:"),
    "a control character": (CREATE, "correct horse\tbattery", "password:"),
    "an e-mail address as username": ((*CREATE, "--username", "a@b"), PASSWORD, "username:"),
    "an empty username": ((*CREATE, "--username", ""), PASSWORD, "username:"),
}


@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED.keys())
def test_what_registration_refuses_is_refused_with_a_sentence(
    refused: tuple[tuple[str, ...], str, str], authapi: Authapi
) -> None:
    arguments, password, begins = refused
    assert authapi(*arguments, typed=f"{password}\n").sentence.startswith(begins)
    assert authapi("users", "list").output == ""


@pytest.mark.parametrize("scope", ["", "a b", 'a"b', "é"])
def test_what_can_be_no_scope_is_wrong_usage(scope: str, authapi: Authapi) -> None:
    outcome = authapi(*CREATE, "--scope", scope, typed=f"{PASSWORD}\n")
    assert outcome.status == 2
    assert "RFC 6749" in outcome.errors


@pytest.mark.parametrize("command", ["disable", "enable", "sign-out"])
@pytest.mark.parametrize("email", ["nobody@example.com", "", "\x1b[31m\nnobody", "\udc80"])
def test_an_unknown_account_is_named_in_one_sentence(
    command: str, email: str, authapi: Authapi
) -> None:
    assert authapi("users", command, email).sentence.startswith("There is no user with the")


@pytest.mark.parametrize(
    "arguments",
    [
        ("users", "create"),
        ("users", "create", EMAIL, "--no-such-option"),
        ("users", "disable"),
        ("users", "list", "more"),
        ("users", "paint"),
        ("paint",),
    ],
    ids=" ".join,
)
def test_wrong_usage_has_status_2_and_says_how_to_use_it(
    arguments: tuple[str, ...], authapi: Authapi
) -> None:
    outcome = authapi(*arguments)
    assert (outcome.status, outcome.output) == (2, "")
    assert outcome.errors.startswith("Usage: authapi")


LONGEST = ("--scope", "a" * 1000, "--scope", "b" * 499)  # with the space between, 1500


def test_scopes_are_no_longer_than_a_cookie_can_carry(authapi: Authapi) -> None:
    begins = "scopes: all scopes together"
    for command in (CREATE, ("users", "scopes", EMAIL)):
        refused = authapi(*command, *LONGEST, "--scope", "c", typed=f"{PASSWORD}\n")
        assert refused.sentence.startswith(begins)
        assert authapi(*command, *LONGEST, typed=f"{PASSWORD}\n").status == 0


@pytest.mark.parametrize("command", [("disable",), ("enable",), ("sign-out",), ("scopes",)])
def test_what_can_not_be_seen_around_an_address_is_dropped(
    command: tuple[str, ...], authapi: Authapi, api: Api
) -> None:
    names = (f"\ufeff{EMAIL}\u00a0 ", "--username", "\u200bada ")
    assert authapi("users", "create", *names, "--password-stdin", typed=PASSWORD).status == 0
    assert authapi("users", "list").output.split("\t")[3:5] == [EMAIL, "ada"]
    assert authapi("users", *command, f" {EMAIL}\u200b").status == 0
