"""docs/verifier.md: its settings are all of them, and its FastAPI example is one."""

import inspect
import re
from typing import Any

import pytest

from authapi.verifier import Verifier
from authapi.verifier.testing import TokenFactory
from tests.project.tree import ROOT
from tests.verifier.asgi_exchange import ask

TOKENS = TokenFactory("https://auth.example", "authapi")

PAGE = (ROOT / "docs/verifier.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_every_argument_of_the_verifier_is_in_its_table() -> None:
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"\w+", row)}
    assert set(inspect.signature(Verifier.__init__).parameters) - {"self"} <= named


def test_the_claims_have_what_the_page_reads_of_them() -> None:
    """The kind: a name that the documents promise, and the class lacks."""
    named = set(re.findall(r"claims\.(\w+)", PAGE))
    assert named >= {"sub", "sid", "scopes", "expires_at", "auth_time", "acr", "amr", "raw"}
    claims = TOKENS.claims()
    assert {name for name in named if not hasattr(claims, name)} == set()


def test_the_fastapi_example_protects_its_route() -> None:
    (example,) = [block for block in BLOCKS if "AccessToken" in block]
    names: dict[str, Any] = {}
    exec(compile(example, "docs/verifier.md", "exec"), names)
    operation = names["app"].openapi()["paths"]["/reports"]["get"]
    assert operation["security"] == [{"accessToken": []}]
    assert {"401", "403", "503"} <= operation["responses"].keys()


def test_the_middleware_example_protects_its_route() -> None:
    (example,) = [block for block in BLOCKS if "AuthMiddleware" in block]
    names: dict[str, Any] = {}
    exec(compile(example, "docs/verifier.md", "exec"), names)
    assert ask(names["app"], "/reports").status == 401
    names["app"].user_middleware[0].kwargs["verifier"] = TOKENS.verifier
    names["app"].middleware_stack = None
    bearer = TOKENS.bearer("ada", scopes=["reports:read"])
    assert ask(names["app"], "/reports", bearer).document == ["a report for ada"]


@pytest.mark.filterwarnings("ignore:Using `httpx`")  # the test client of Starlette says so
def test_the_examples_tests_pass() -> None:
    (example,) = [block for block in BLOCKS if "TokenFactory" in block]
    (application,) = [block for block in BLOCKS if "AuthMiddleware" in block]

    def make_app(verifier: Verifier) -> Any:
        names: dict[str, Any] = {}
        exec(compile(application, "docs/verifier.md", "exec"), names)
        names["app"].user_middleware[0].kwargs["verifier"] = verifier
        return names["app"]

    names: dict[str, Any] = {"make_app": make_app}
    exec(compile(example, "docs/verifier.md", "exec"), names)
    names["test_a_reader_gets_the_reports"]()
    bad = names["tokens"].bad_tokens()
    assert len(bad) > 5
    for token in bad.values():
        names["test_a_bad_token_is_refused"](token)


def test_the_example_of_a_health_check_shows_what_it_says() -> None:
    (example,) = [block for block in BLOCKS if "verifier.status()" in block]
    names: dict[str, Any] = {"verifier": TOKENS.verifier}
    exec(compile(example, "docs/verifier.md", "exec"), names)
    told = re.findall(r"\w+", example.partition("#")[2])
    assert told == list(dict.fromkeys(told))
    assert all(hasattr(names["status"], name) for name in told)
