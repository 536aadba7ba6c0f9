"""docs/factors.md: its JavaScript runs in Node as it stands.

Google's own script can't be here: a stand-in of its two functions hands over an ID token.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from authapi.clock import now
from tests.support.api import EMAIL
from tests.support.forked import ForkedServer
from tests.support.provider import Provider, serving
from tests.support.settings import SERVER
from tests.support.snippets import shown

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node 20")

GOOGLE = """
const { readFileSync, writeFileSync } = await import("node:fs");
const own = globalThis.fetch;
globalThis.fetch = (path, options) => own(process.env.BASE + path.replace("/auth", ""), options);
globalThis.document = { getElementById: (id) => id };
let options;
globalThis.google = {
  accounts: { id: { initialize: (given) => (options = given), renderButton: () => {} } },
};
"""
CLICK = """
writeFileSync("asked.json", JSON.stringify({ id: options.client_id, nonce: options.nonce }));
console.log("ready");
const credential = await new Promise((resolve) =>
  process.stdin.once("data", (text) => resolve(String(text).trim())),
);
console.log(JSON.stringify(await options.callback({ credential })));
process.exit();
"""


def test_googles_button_logs_in(tmp_path: Path) -> None:
    (block,) = shown("docs/factors.md", "js", "ID tokens")
    provider = Provider(now, name="google")
    with serving(provider):
        known = [provider.setting | {"audiences": ["YOUR_CLIENT_ID"]}]
        with ForkedServer(tmp_path, **SERVER, identity_providers=json.dumps(known)) as server:
            result = run(tmp_path, GOOGLE + block + CLICK, provider, server.base_url)
            assert "csrf_token" in result
            with server.client() as client:
                sent = {"provider": "google", "id_token": provider.token(aud="YOUR_CLIENT_ID")}
                token = client.post("/login/id-token", json=sent).json()["access_token"]
                bearer = {"Authorization": f"Bearer {token}"}
                assert client.get("/me", headers=bearer).json()["email"] == EMAIL


def run(folder: Path, program: str, provider: Provider, base: str) -> dict[str, object]:
    """Run the page; hand it a token as Google would; return what the log-in gave it."""
    assert NODE
    (folder / "page.mjs").write_text(program)
    with subprocess.Popen(
        [NODE, "page.mjs"],
        cwd=folder,
        env={"BASE": base},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        asked = json.loads((folder / "asked.json").read_text())
        token = provider.token(aud=asked["id"], nonce=asked["nonce"])
        printed, _ = process.communicate(token + "\n", timeout=60)
    return dict(json.loads(printed))
