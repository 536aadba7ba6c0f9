"""The JavaScript of the pages that needs no browser runs in Node as it stands.

clients/js/README.md, "Apps and Node"; docs/react.md, "Next". Expo's store and Next are stand-ins of
a few lines: what they give is what their documentation says.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project.tree import ROOT
from tests.support.api import EMAIL, PASSWORD
from tests.support.forked import ForkedServer
from tests.support.settings import SERVER
from tests.support.snippets import shown

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node 20")

ADA = {"email": EMAIL, "password": PASSWORD}
EXPO = """
const kept = new Map();
export const getItemAsync = async (key) => kept.get(key) ?? null;
export const setItemAsync = async (key, value) => void kept.set(key, value);
export const deleteItemAsync = async (key) => void kept.delete(key);
"""
NEXT = """
export const cookies = async () => ({ toString: () => process.env.COOKIE });
"""
# An app that is started twice: the second time it has what the store kept.
APP = """
const { auth } = await import("./app.js");
const before = auth.session;
await auth.login(%s);
const again = await import("./app.js?again");
console.log(JSON.stringify({ before, restored: (await again.auth.restore()) !== null,
  email: (await again.auth.loadUser()).email }));
"""
PAGE = """
import { currentUser } from "./user.js";
console.log(JSON.stringify(await currentUser()));
"""
REWRITES = """
require("./next.config.cjs").rewrites().then((rules) => console.log(JSON.stringify(rules)));
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedServer]:
    with ForkedServer(tmp_path_factory.mktemp("server"), **SERVER) as running:
        with running.client() as client:
            client.post("/register", json=ADA).raise_for_status()
        yield running


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with the packages that the pages import."""
    modules = tmp_path / "node_modules"
    modules.mkdir()
    (modules / "authapi-client").symlink_to(ROOT / "clients" / "js")
    for name, text in {"expo-secure-store/index.js": EXPO, "next/headers.js": NEXT}.items():
        (modules / name).parent.mkdir(exist_ok=True)
        (modules / name).write_text(text)
    (modules / "expo-secure-store/package.json").write_text(
        '{"type": "module", "exports": "./index.js"}'
    )
    (modules / "next/package.json").write_text(
        '{"type": "module", "exports": {"./headers": "./headers.js"}}'
    )
    (tmp_path / "package.json").write_text('{"type": "module"}')
    return tmp_path


def run(project: Path, name: str, text: str, **environment: str) -> Any:
    (project / name).write_text(text)
    done = subprocess.run(
        [str(NODE), "--no-warnings", name],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_an_app(server: ForkedServer, project: Path) -> None:
    (block,) = shown("clients/js/README.md", "js", "Apps and Node")
    assert "https://auth.example" in block
    (project / "app.js").write_text(block.replace("https://auth.example", server.base_url))
    result = run(project, "start.js", APP % json.dumps(ADA))
    assert result == {"before": None, "restored": True, "email": EMAIL}


def test_a_server_of_next(server: ForkedServer, project: Path) -> None:
    rewrites, user = shown("docs/react.md", "js", "Next")
    (project / "user.js").write_text(user.replace("http://127.0.0.1:8000", server.base_url))
    with server.client() as client:
        body = {**ADA, "transport": "cookie"}
        jar = client.post("/login", json=body).raise_for_status().cookies
        cookie = "; ".join(f"{name}={value}" for name, value in jar.items())
    assert run(project, "page.js", PAGE, COOKIE=cookie)["email"] == EMAIL
    assert run(project, "page.js", PAGE, COOKIE="") is None
    (project / "next.config.cjs").write_text(rewrites)
    (rule,) = run(project, "rewrites.cjs", REWRITES)
    assert rule == {"source": "/auth/:path*", "destination": "http://127.0.0.1:8000/:path*"}
