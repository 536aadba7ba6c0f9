"""clients/js with second factors, in Node: a log-in in two steps, and step-up."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project.tree import ROOT
from tests.support.api import PASSWORD
from tests.support.forked import ForkedServer
from tests.support.settings import SERVER

NODE = shutil.which("node")
PROGRAM = Path(__file__).with_name("apps.mjs")
CLIENT = (ROOT / "clients" / "js" / "authapi.js").as_uri()
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node 20")

Run = Callable[[str], Any]
# Ada has an authenticator app, `app`, and recovery codes. Her session has proven the password only.
WITH_TOTP = (
    "await auth.login(ada); const begun = await auth.addTotp('Telephone');"
    "const app = authenticator(begun.secret);"
    "const codes = await auth.confirmTotp(begun.id, app.code());"
)
# She logs in again, as far as the password goes.
ASKED = WITH_TOTP + "await auth.logout(); const asked = await caught(auth.login(ada));"
# A page that answers each question with the next of these.
ANSWERS = (
    "const questions = []; const answer = (...answers) => { auth.onStepUp = async (question) => {"
    " questions.push(question); return answers.shift()?.(question) ?? null; } };"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServer]:
    with ForkedServer(tmp_path_factory.mktemp("server"), **SERVER) as running:
        yield running


@pytest.fixture
def run(server: ForkedServer) -> Run:
    return runs_at(server)


def runs_at(server: ForkedServer) -> Run:
    """Return a function that runs a script in Node for an account, and gives what it returns."""
    ada = {"email": f"ada-{secrets.token_hex(4)}@example.com", "password": PASSWORD}
    with server.client() as client:
        assert client.post("/register", json=ada).status_code == 201

    def run(script: str) -> Any:
        arguments = (CLIENT, server.base_url, json.dumps(ada), script)
        done = subprocess.run(
            [str(NODE), "--no-warnings", str(PROGRAM), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        return json.loads(done.stdout)

    return run


def test_a_log_out_everywhere_that_needs_a_factor_is_no_log_out_without_it(tmp_path: Path) -> None:
    setting = {"ending_sessions_needs_fresh_login": "true"}
    with ForkedServer(tmp_path, **SERVER, **setting) as server:
        assert runs_at(server)(
            WITH_TOTP + ANSWERS + "const end = () => auth.logout({ everywhere: true });"
            "const refused = await caught(end()); const kept = auth.session !== null;"
            "answer(() => ({ totpCode: app.code(1) })); await end();"
            "return [refused.status, refused.code, kept, auth.session]"
        ) == [401, "insufficient_user_authentication", True, None]


def test_an_authenticator_app_comes_with_recovery_codes(run: Run) -> None:
    assert run(
        WITH_TOTP + "const factors = await auth.factors();"
        "return [begun.otpauth_uri.includes(begun.secret), codes.length,"
        " factors.map(({ kind, name, remaining }) => [kind, name, remaining])]"
    ) == [True, 10, [["totp", "Telephone", None], ["recovery_codes", None, 10]]]


def test_a_password_alone_is_answered_with_the_ways_to_go_on(run: Run) -> None:
    assert run(
        ASKED + "return [asked.name, asked.status, asked.code, asked.methods,"
        " typeof asked.authSession, auth.session]"
    ) == [
        *("AuthError", 400, "insufficient_authorization", ["totp", "recovery_code"]),
        *("string", None),
    ]


def test_a_code_goes_on_with_the_log_in(run: Run) -> None:
    assert run(
        ASKED + "const { authSession } = asked;"
        "const wrong = await caught(auth.continueLogin({ authSession, totpCode: 'none' }));"
        "const session = await auth.continueLogin({ authSession, totpCode: app.code() });"
        "return [wrong.code, session.transport, auth.session === session, await me(),"
        " (await make().restore()).session_id === session.session_id]"
    ) == ["invalid_code", "bearer", True, 200, True]


def test_a_recovery_code_goes_on_with_the_last_log_in(run: Run) -> None:
    assert run(
        ASKED + "const session = await auth.continueLogin({ recoveryCode: codes[3] });"
        "const again = await caught(auth.continueLogin({ recoveryCode: codes[4] }));"
        "return [session.transport, await me(), again.name,"
        " (await auth.factors()).map(({ remaining }) => remaining)]"
    ) == ["bearer", 200, "AuthError", [None, 9]]


def test_new_recovery_codes_end_the_older_ones(run: Run) -> None:
    assert run(
        ASKED + "await auth.continueLogin({ totpCode: app.code() });"
        "const newer = await auth.recoveryCodes(); await auth.logout();"
        "await caught(auth.login(ada));"
        "const old = await caught(auth.continueLogin({ recoveryCode: codes[0] }));"
        "await auth.continueLogin({ recoveryCode: newer[0] });"
        "return [newer.length, old.code, await me()]"
    ) == [10, "invalid_code", 200]


def test_a_request_that_needs_more_asks_the_page_and_is_sent_again(run: Run) -> None:
    assert run(
        WITH_TOTP + ANSWERS + "answer(() => ({ totpCode: app.code() }));"
        "const user = await auth.loadUser(); const { session } = auth;"
        "const { name } = await auth.renameFactor(begun.id, 'Old telephone');"
        "return [name, questions, auth.user === user, auth.session !== session,"
        " (await make().restore()).session_id === auth.session.session_id]"
    ) == [
        "Old telephone",
        [{"maxAge": 600, "acr": "aal2", "methods": ["password", "totp", "recovery_code"]}],
        *(True, True, True),
    ]


def test_without_a_handler_the_refusal_is_the_pages(run: Run) -> None:
    assert run(
        WITH_TOTP + "const error = await caught(auth.removeFactor(begun.id));"
        "await auth.reauth({ totpCode: app.code() }); await auth.removeFactor(begun.id);"
        "return [error.status, error.code, await auth.factors()]"
    ) == [401, "insufficient_user_authentication", []]


def test_a_page_may_give_up(run: Run) -> None:
    assert run(
        WITH_TOTP + ANSWERS + "answer(); const error = await caught(auth.removeFactor(begun.id));"
        "return [error.code, questions.length, await me(), (await auth.factors()).length]"
    ) == ["insufficient_user_authentication", 1, 200, 2]


def test_a_wrong_factor_is_asked_for_again(run: Run) -> None:
    assert run(
        WITH_TOTP + ANSWERS + "answer(() => ({ totpCode: '000' }), () => { throw new Error('no') },"
        " () => 0); const error = await caught(auth.removeFactor(begun.id));"
        "const told = questions.map(({ error }) => error?.code ?? null);"
        "answer(() => ({ password: 'wrong' }), () => ({ recoveryCode: codes[0] }));"
        "await auth.removeFactor(begun.id);"
        "return [told, error.message, questions.at(-1).error.code, await auth.factors()]"
    ) == [[None, "invalid_code"], "no", "invalid_credentials", []]


def test_a_password_is_followed_by_the_second_factor(run: Run) -> None:
    """As after ten minutes: the second one of before does not count any more."""
    assert run(
        WITH_TOTP + ANSWERS + "answer(() => ({ password: ada.password }),"
        " () => ({ totpCode: '000' }), () => ({ totpCode: app.code() }));"
        "const user = await auth.loadUser(); await auth.removeFactor(begun.id);"
        "return [questions.map(({ methods, error }) => [methods, error?.code ?? null]),"
        " auth.user === user, await me()]"
    ) == [
        [
            [["password", "totp", "recovery_code"], None],
            [["totp", "recovery_code"], None],
            [["totp", "recovery_code"], "invalid_code"],
        ],
        True,
        200,
    ]


def test_five_wrong_codes_begin_again_with_the_first_factor(run: Run) -> None:
    assert run(
        WITH_TOTP + ANSWERS + "const wrong = () => ({ totpCode: '000' });"
        "answer(() => ({ password: ada.password }), wrong, wrong, wrong, wrong, wrong, wrong);"
        "const error = await caught(auth.removeFactor(begun.id));"
        "return [error.code, questions.at(-1).methods, questions.at(-1).error.code, await me()]"
    ) == [
        "insufficient_user_authentication",
        ["password", "totp", "recovery_code"],
        *("invalid_session", 200),
    ]


def test_requests_at_the_same_time_ask_once(run: Run) -> None:
    assert run(
        WITH_TOTP + ANSWERS + "answer(async () => { await caught(fetch(base));"
        " return { totpCode: app.code() } });"
        "const names = ['a', 'b', 'c', 'd'];"
        "const all = await Promise.all(names.map((name) => auth.renameFactor(begun.id, name)));"
        "return [all.map(({ name }) => name), questions.length]"
    ) == [["a", "b", "c", "d"], 1]


def test_a_fresh_log_in_is_asked_for_by_an_api_of_ones_own(run: Run) -> None:
    """RFC 9470: `/verify` stands for any service. Nobody has a second factor here."""
    assert run(
        "await auth.login(ada); const asked = [];"
        "const stale = () => auth.fetch('/verify?max_age=3');"
        "const deadline = Date.now() + 50_000;"
        "while ((await stale()).status !== 401 && Date.now() < deadline)"
        " await new Promise((resolve) => setTimeout(resolve, 200));"
        "const { password } = ada;"
        "auth.onStepUp = async (wanted) => { asked.push(wanted); return { password } };"
        "return [(await stale()).status, asked]"
    ) == [204, [{"maxAge": 3, "methods": ["password"]}]]
