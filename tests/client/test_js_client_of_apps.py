"""clients/js with the transport bearer, in Node: docs/refresh.md says what a client does."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
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
# Two services that take tokens of their own alone: below the base, and by another spelling of it.
SERVICES = (
    "const resources = { '/verify': 'reports', [`${base}/verify/billing/`]: 'billing' };"
    "const several = make({ resources }); await several.login(ada);"
    "const ask = async (path) => (await several.fetch(path)).status;"
    "const reports = () => ask('/verify?audience=reports');"
)
# Each refresh was sent with the token and the key that the storage held at that moment.
ARE_KEPT = (
    "refreshes().every(({ key, token, kept }) => kept.key === key && kept.refresh_token === token)"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServer]:
    settings = {**SERVER, "audiences": "reports,billing"}
    with ForkedServer(tmp_path_factory.mktemp("server"), **settings) as running:
        yield running


@pytest.fixture
def ada(server: ForkedServer) -> dict[str, str]:
    ada = {"email": f"ada-{secrets.token_hex(4)}@example.com", "password": PASSWORD}
    with server.client() as client:
        assert client.post("/register", json=ada).status_code == 201
    return ada


@pytest.fixture
def run(server: ForkedServer, ada: dict[str, str]) -> Run:
    """Return a function that runs a script in Node and gives what it returns."""

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


def test_a_session_survives_a_restart_until_the_log_out(run: Run) -> None:
    assert run(
        "await auth.login(ada); const again = make(); const restored = await again.restore();"
        "const status = await me(again); await again.logout();"
        "return [restored.transport, status, vault.cells.size, await make().restore()]"
    ) == ["bearer", 200, 0, None]


def test_token_and_key_are_kept_before_they_are_sent(run: Run) -> None:
    assert run(
        "await auth.login(ada); for (const _ of [1, 2, 3]) await auth.restore();"
        f"return [new Set(refreshes().map(({{ key }}) => key)).size, {ARE_KEPT}, await me()]"
    ) == [3, True, 200]


def test_the_name_of_what_is_kept_suits_a_key_store(run: Run) -> None:
    """Expo's SecureStore takes letters, digits, dots, hyphens and underscores."""
    script = (
        "await auth.login(ada); return [...vault.cells.keys()].map((n) => /^[\\w.-]+$/.test(n))"
    )
    assert run(script) == [True]


def test_many_requests_share_one_refresh(run: Run) -> None:
    assert run(
        "await auth.login(ada); wait(880);"
        "const statuses = await Promise.all(Array.from({ length: 8 }, () => me()));"
        "return [statuses, refreshes().length]"
    ) == [[200] * 8, 1]


def test_a_lost_answer_is_asked_for_again_with_the_same_key(run: Run) -> None:
    assert run(
        "await auth.login(ada); let lost = 0;"
        "t.onRefreshed((answer) => { if (lost++) return answer; throw new TypeError('lost') });"
        "await auth.restore(); const [first, second] = refreshes();"
        "return [refreshes().length, first.key === second.key, first.token === second.token,"
        " await me()]"
    ) == [2, True, True, 200]


def test_an_app_that_dies_before_an_answer_comes_goes_on_when_it_starts_again(run: Run) -> None:
    assert run(
        "await auth.login(ada); t.onRefreshed(() => { throw new TypeError('lost') });"
        "const before = vault.pair; const error = await caught(auth.restore());"
        "const same = JSON.stringify(vault.pair) === JSON.stringify(before);"
        "t.onRefreshed((answer) => answer); const again = make(); await again.restore();"
        "return [error.name, same, new Set(refreshes().map(({ key }) => key)).size,"
        " vault.pair.refresh_token !== before.refresh_token, await me(again)]"
    ) == ["TypeError", True, 1, True, 200]


def test_a_key_that_was_used_is_replaced_before_the_next_request(run: Run) -> None:
    assert run(
        "await auth.login(ada); const used = vault.pair.key; await auth.restore();"
        "const [name] = vault.cells.keys();"
        "vault.cells.set(name, JSON.stringify({ ...vault.pair, key: used })); sent.length = 0;"
        "await auth.restore(); const [first, second] = refreshes();"
        "return [refreshes().length, first.key === used, second.key !== used,"
        f" {ARE_KEPT}, await me()]"
    ) == [2, True, True, True, 200]


def test_an_answer_that_comes_after_a_log_out_is_not_taken(run: Run) -> None:
    assert run(
        "await auth.login(ada); const [asking, come] = t.holdTheAnswer();"
        "const restoring = auth.restore(); await asking; await auth.logout(); come();"
        "return [await restoring, auth.session, vault.cells.size]"
    ) == [None, None, 0]


def test_an_answer_that_comes_after_another_log_in_is_not_taken(run: Run) -> None:
    assert run(
        "await auth.login(ada); const [asking, come] = t.holdTheAnswer();"
        "const restoring = auth.restore(); await asking;"
        "const { session_id } = await auth.login(ada); come(); await restoring;"
        "return [auth.session.session_id === session_id, vault.pair.session_id === session_id,"
        " await me(), (await make().restore()).session_id === session_id]"
    ) == [True, True, 200, True]


def test_a_late_answer_does_not_put_an_older_token_back(run: Run) -> None:
    assert run(
        "await auth.login(ada); const [asking, come] = t.holdTheAnswer();"
        "const restoring = auth.restore(); await asking; t.onRefreshed((answer) => answer);"
        "const other = make(); await other.restore(); await other.restore();"
        "const { refresh_token } = vault.pair; come(); await restoring;"
        "const isKept = vault.pair.refresh_token === refresh_token;"
        "return [isKept, await me(), (await make().restore()) !== null]"
    ) == [True, 200, True]


def test_two_windows_with_one_storage_may_refresh_at_once(run: Run) -> None:
    assert run(
        "await auth.login(ada); const windows = [make(), make(), make()];"
        "await Promise.all(windows.map((window) => window.restore()));"
        "const statuses = await Promise.all(windows.map(me));"
        "return [statuses, (await make().restore()) !== null]"
    ) == [[200] * 3, True]


def test_a_refused_token_is_logged_out_and_forgotten(run: Run) -> None:
    assert run(
        "await auth.login(ada); const other = make({ storage: undefined }); await other.login(ada);"
        "await other.fetch(`${base}/sessions`, { method: 'DELETE' }); sent.length = 0;"
        "const token = vault.pair.refresh_token; const restored = await auth.restore();"
        "return [restored, sent.map(({ path }) => path), sent.every((one) => one.token === token),"
        " vault.cells.size, events.includes('ended'), await me(other)]"
    ) == [None, ["/refresh", "/logout"], True, 0, True, 200]


def test_a_storage_that_can_t_be_read_ends_nothing(run: Run) -> None:
    """A telephone that nobody has unlocked since it started."""
    assert run(
        "await auth.login(ada); const again = make(); vault.broken.add('get');"
        "const { message } = await caught(again.restore()); vault.broken.clear();"
        "return [message, refreshes().length, (await again.restore()).transport]"
    ) == ["the vault can't get", 0, "bearer"]


def test_what_a_storage_did_not_take_is_held_and_tried_again(run: Run) -> None:
    assert run(
        "await auth.login(ada); const before = vault.pair; vault.broken.add('set');"
        "await auth.restore(); const status = await me(); const kept = vault.pair;"
        "vault.broken.clear(); await auth.restore();"
        "const [first, second] = refreshes();"
        "return [status, kept.key === before.key, second.token !== first.token,"
        " second.kept.key === second.key, (await make().restore()) !== null]"
    ) == [200, True, True, True, True]


def test_a_restart_after_a_storage_that_failed_gets_the_same_token_again(run: Run) -> None:
    assert (
        run(
            "await auth.login(ada); vault.broken.add('set'); await auth.restore();"
            "vault.broken.clear(); const again = make(); await again.restore();"
            "return await me(again)"
        )
        == 200
    )


def test_without_a_storage_a_session_lasts_as_long_as_the_client(run: Run) -> None:
    assert run(
        "const alone = make({ storage: undefined }); await alone.login(ada); await alone.restore();"
        "return [await me(alone), await make({ storage: undefined }).restore(), vault.cells.size]"
    ) == [200, None, 0]


def test_two_people_in_one_process_are_strangers_to_each_other(run: Run) -> None:
    assert run(
        "const [one, two] = [make({ storage: undefined }), make({ storage: undefined })];"
        "await one.login(ada); await new Promise((resolve) => setTimeout(resolve, 50));"
        "return [two.session, await me(two)]"
    ) == [None, 401]


def test_registration_logs_nobody_in_and_says_what_is_wrong(run: Run) -> None:
    assert run(
        "const eve = { ...ada, email: `eve-${Math.random()}@example.com` };"
        "const user = await auth.register({ ...eve, username: `eve${Math.random()}` });"
        "const bad = await caught(auth.register({ email: 'nobody', password: ada.password }));"
        "const taken = await caught(auth.register(eve)); await auth.login(eve);"
        "return [user.email === eve.email, events[0], bad instanceof AuthError, bad.code,"
        " bad.errors.map(({ loc }) => loc), taken.code, taken.errors]"
    ) == [
        *(True, "started", True, "validation_error"),
        *([["body", "email"]], "already_registered", []),
    ]


def test_the_session_and_the_user_are_the_same_objects_until_they_change(run: Run) -> None:
    assert run(
        "const first = await auth.login(ada); await auth.restore();"
        "const seen = [auth.session === first, Object.isFrozen(first), auth.user];"
        "const user = await auth.loadUser(); events.length = 0; await auth.restore();"
        "seen.push(auth.user === user, user.email === ada.email, events.length);"
        "const second = await auth.reauth({ password: ada.password });"
        "seen.push(second !== first, auth.session === second, auth.user === user, events.slice());"
        "await auth.login(ada); seen.push(auth.user);"
        "await auth.logout(); return [...seen, auth.session, auth.user, await auth.loadUser()]"
    ) == [
        *(True, True, None, True, True, 0, True, True, True, ["started", "changed"], None),
        *(None, None, None),
    ]


def test_a_changed_password_and_a_new_proof_keep_the_app_logged_in(run: Run) -> None:
    assert run(
        "await auth.login(ada); const old = vault.pair;"
        "const new_password = 'a longer phrase of hers';"
        "const wrong = await caught(auth.reauth({ password: 'not this one' }));"
        "await auth.reauth({ password: ada.password });"
        "await auth.changePassword({ current_password: ada.password, new_password });"
        "return [wrong.status, wrong.code, vault.pair.session_id === auth.session.session_id,"
        " vault.pair.key !== old.key, (await make().restore()) !== null, await me()]"
    ) == [403, "invalid_credentials", True, True, True, 200]


def test_a_request_that_wants_a_fresh_log_in_is_not_answered_by_a_refresh(run: Run) -> None:
    """RFC 9470: `reauth` is the page's to call."""
    assert run(
        "await auth.login(ada); const ask = () => auth.fetch(`${base}/verify?max_age=0`);"
        "await new Promise((resolve) => setTimeout(resolve, 2100));"
        "const { status } = await ask(); await auth.reauth({ password: ada.password });"
        "const asked = await auth.fetch(`${base}/verify?max_age=60`);"
        "return [status, refreshes().length, asked.status]"
    ) == [401, 0, 204]


def test_a_client_is_for_bearer_or_for_cookies(run: Run) -> None:
    assert run(
        "const pages = new AuthClient({ baseUrl: base });"
        "const errors = [await caught(auth.login({ ...ada, transport: 'hybrid' })),"
        " await caught(pages.login({ ...ada, transport: 'bearer' }))];"
        "return [errors.map(({ name }) => name), sent.length]"
    ) == [["TypeError", "TypeError"], 0]


def test_a_server_that_renders_may_make_a_client(run: Run) -> None:
    assert run(
        "const { session, user } = new AuthClient({ baseUrl: '/auth' }); return [session, user]"
    ) == [
        None,
        None,
    ]


def test_each_service_gets_a_token_of_its_own(run: Run) -> None:
    """A request below /verify/ has no query of ours: the sent tokens say for whom they are."""
    assert run(
        SERVICES + "const paths = ['/verify', '/verify/billing/a', '/verify/billings', '/me'];"
        "const statuses = []; for (const path of paths) statuses.push(await ask(path));"
        "return [statuses, audiences(), refreshes().map(({ resource }) => resource)]"
    ) == [
        [204, 204, 204, 200],
        ["reports", "billing", "reports", "authapi"],
        ["reports", "billing"],
    ]


def test_a_token_for_a_service_is_good_there_alone(run: Run) -> None:
    assert run(
        SERVICES + "await reports();"
        "const headers = { Authorization: `Bearer ${sent.at(-1).bearer}` };"
        "const elsewhere = await fetch(`${base}/me`, { headers });"
        "return [await reports(), elsewhere.status, (await several.loadUser()).email === ada.email]"
    ) == [204, 401, True]


def test_the_tokens_of_all_services_are_exchanged_one_after_another(run: Run) -> None:
    assert run(
        SERVICES + "await reports(); wait(880); sent.length = 0;"
        "const asked = [reports(), reports(), ask('/verify/billing/'), ask('/me'), ask('/me')];"
        "const statuses = await Promise.all(asked); const keys = refreshes().map(({ key }) => key);"
        f"return [statuses, new Set(keys).size, keys.length, {ARE_KEPT}, several.session !== null]"
    ) == [[204, 204, 204, 200, 200], 3, 3, True, True]


def test_a_restart_needs_no_token_for_authapi_first(run: Run) -> None:
    assert run(
        SERVICES + "sent.length = 0; const again = make({ resources }); const starts = [];"
        "again.addEventListener('started', ({ detail }) => starts.push(detail.session_id));"
        "const { status } = await again.fetch('/verify?audience=reports');"
        "const isSame = again.session.session_id === several.session.session_id;"
        "const user = await again.loadUser();"
        "return [status, isSame, starts.length, user.email === ada.email, audiences(),"
        " refreshes().map(({ resource }) => resource ?? null)]"
    ) == [204, True, 1, True, [None, "reports", "authapi"], ["reports", None]]


def test_a_log_out_ends_the_tokens_for_services_too(run: Run) -> None:
    assert run(
        SERVICES + "await reports(); await several.logout();"
        "const { bearer } = sent.find(({ path }) => path.startsWith('/verify'));"
        "const headers = { Authorization: `Bearer ${bearer}` };"
        "const { status } = await fetch(`${base}/verify?audience=reports`, { headers });"
        "return [status, await reports(), sent.at(-1).bearer]"
    ) == [401, 401, None]


def test_another_log_in_drops_the_tokens_of_the_session_before(run: Run) -> None:
    assert run(
        SERVICES + "await reports(); await several.login(ada); sent.length = 0;"
        "return [await reports(), refreshes().length]"
    ) == [204, 1]


def test_a_service_that_authapi_does_not_know_is_named_and_ends_nothing(run: Run) -> None:
    assert run(
        "const wrong = make({ resources: { '/verify': 'typo' } }); await wrong.login(ada);"
        "const error = await caught(wrong.fetch('/verify')); const before = refreshes().length;"
        "return [error.name, error.code, before, (await wrong.loadUser()).email === ada.email]"
    ) == ["AuthError", "invalid_target", 1, True]


def test_the_transports_without_tokens_have_none_for_a_service(run: Run) -> None:
    assert run(
        "const resources = { '/api/': 'reports' }; const names = [];"
        "for (const transport of ['cookie', 'session']) {"
        "  try { new AuthClient({ baseUrl: base, transport, resources }) }"
        "  catch (error) { names.push(error.message) } }"
        "const pages = new AuthClient({ baseUrl: base, resources });"
        "names.push((await caught(pages.login({ ...ada, transport: 'cookie' }))).name);"
        "return [names, sent.length]"
    ) == [
        [
            "The transport cookie has no tokens for resources: use hybrid.",
            "The transport session has no tokens for resources: use hybrid.",
            "TypeError",
        ],
        0,
    ]


def test_a_path_counts_from_the_base_where_there_is_no_page(run: Run) -> None:
    assert run(
        "await auth.login(ada); const { status } = await auth.fetch('/sessions');"
        "const below = make({ baseUrl: `${base}/verify` });"
        "await below.fetch('/a?b=c'); return [status, sent.at(-1).path]"
    ) == [200, "/verify/a?b=c"]


def test_nobody_is_asked_for_the_profile_of_nobody(run: Run) -> None:
    assert run("return [await auth.loadUser(), sent.length]") == [None, 0]


def test_the_profile_of_a_session_that_is_kept_needs_no_restore(run: Run) -> None:
    assert run("await auth.login(ada); return (await make().loadUser()).email === ada.email")


def test_the_server_takes_none_of_it_for_a_replay(run: Run, server: ForkedServer) -> None:
    run("await auth.login(ada); await auth.restore(); await auth.restore(); await auth.logout()")
    answer = httpx.get(f"{server.base_url}/metrics", trust_env=False).text
    replays = [
        line for line in answer.splitlines() if "replay" in line and not line.startswith("#")
    ]
    assert all(line.endswith(" 0.0") for line in replays)
