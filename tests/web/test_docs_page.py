"""/docs works where there is no other host to ask, and wherever the app is mounted."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from fastapi import FastAPI

from authapi import clock
from authapi.web.openapi.docs_page import load
from tests.support.app_transport import AppClient
from tests.support.application import application
from tests.support.operations import DOCUMENT
from tests.support.settings import NEVER_OPENED, settings_for

NODE = shutil.which("node")
START = load("start.js").decode()


@pytest.fixture(params=["", "/auth"])
def client(request: pytest.FixtureRequest) -> Iterator[AppClient]:
    with application(settings_for(NEVER_OPENED), clock.now) as app:
        if request.param:
            outer = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
            outer.mount(request.param, app)
            app = outer
        with AppClient(app, base_url=f"http://testserver{request.param}/") as client:
            yield client


def page(client: AppClient) -> httpx.Response:
    return client.get("docs")


def linked(client: AppClient) -> list[str]:
    """The page's files as a browser would address them."""
    response = page(client)
    addresses = re.findall(r'(?:src|href)="([^"]+)"', response.text)
    return [urljoin(str(response.url), address) for address in addresses]


def test_each_file_of_the_page_is_served(client: AppClient) -> None:
    answers = [client.get(address) for address in linked(client)]
    assert [answer.status_code for answer in answers] == [200] * 4
    types = {answer.headers["Content-Type"].partition(";")[0] for answer in answers}
    assert types == {"text/css", "image/png", "text/javascript"}
    assert all(answer.content for answer in answers)


def test_the_page_names_no_other_host(client: AppClient) -> None:
    assert {urlsplit(address).netloc for address in linked(client)} == {"testserver"}
    assert "//" not in re.sub(r"//.*", "", START, flags=re.MULTILINE)
    assert "validatorUrl: null" in START


def test_the_schema_is_found_beside_the_page(client: AppClient) -> None:
    [address] = re.findall(r'url: "([^"]+)"', START)
    assert client.get(urljoin(str(page(client).url), address)).json()["openapi"]


def test_the_page_and_its_files_are_not_in_the_schema(client: AppClient) -> None:
    paths = client.get("openapi.json").json()["paths"]
    assert [path for path in paths if "docs" in path] == []


def test_its_policy_allows_our_own_files_alone(client: AppClient) -> None:
    [policy] = page(client).headers.get_list("Content-Security-Policy")
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["script-src"] == rules["connect-src"] == "'self'"
    forbidden = ("default-src", "frame-ancestors", "base-uri", "object-src", "form-action")
    assert {rules[name] for name in forbidden} == {"'none'"}


def test_the_page_has_no_inline_script(client: AppClient) -> None:
    assert re.findall(r"<script(?![^>]*\bsrc=)", page(client).text) == []
    assert re.findall(r"<script[^>]*>[^<]", page(client).text) == []
    assert re.findall(r"\son\w+=", page(client).text) == []


IN_NODE = """
const [script, document] = JSON.parse(require("fs").readFileSync(0, "utf8"));
let shown, options;
globalThis.location = { href: "http://testserver/auth/docs" };
globalThis.SwaggerUIBundle = (given) => { options = given; };
SwaggerUIBundle.presets = {};
(0, eval)(script);
const { updateJsonSpec } = options.plugins[0]().statePlugins.spec.wrapActions;
updateJsonSpec((spec) => { shown = spec; })(document);
console.log(JSON.stringify(shown));
"""


@pytest.mark.skipif(NODE is None, reason="needs Node 20")
def test_authorize_offers_only_what_a_script_can_send() -> None:
    command = [str(NODE), "--eval", IN_NODE]
    given = json.dumps([START, DOCUMENT])
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, timeout=60, check=True
    )
    shown = json.loads(done.stdout)
    assert list(shown["components"]["securitySchemes"]) == ["accessToken", "csrfToken"]
    assert shown["paths"]["/me"]["get"]["security"] == [{"accessToken": []}]
    change = shown["paths"]["/me"]["patch"]["security"]
    assert change == [{"accessToken": []}, {"csrfToken": []}]
    assert shown["paths"]["/login"]["post"]["security"] == []
    assert shown["servers"] == [{"url": "/auth"}]
    assert shown["paths"].keys() == DOCUMENT["paths"].keys()


def test_no_credential_stays_in_the_browser() -> None:
    assert "persistAuthorization: false" in START


def test_files_may_be_kept_and_the_page_may_not(client: AppClient) -> None:
    assert page(client).headers["Cache-Control"] == "no-cache"
    for address in linked(client):
        assert re.search(r"\?v=[0-9a-f]{16}$", address)
        assert "immutable" in client.get(address).headers["Cache-Control"]


@pytest.mark.parametrize(
    "name", ["redoc.standalone.js", "%2e%2e%2fcore.py", "..%2f__init__.py", "x"]
)
def test_no_other_file_is_served(client: AppClient, name: str) -> None:
    assert client.get(f"docs/{name}").status_code == 404
