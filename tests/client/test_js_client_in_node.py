"""clients/js in Node, which has no cookies, storage, locks or page: a log-in needs none of them.

Kind: a side effect after the point of no return fails the call.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.project.tree import ROOT
from tests.support.api import EMAIL, PASSWORD
from tests.support.forked import ForkedServer
from tests.support.settings import SERVER

NODE = shutil.which("node")
PROGRAM = """
const [url, base, credentials] = process.argv.slice(1);
const { AuthClient } = await import(url);
const auth = new AuthClient({ baseUrl: base });
const seen = [];
for (const type of ["started", "ended"]) auth.addEventListener(type, () => seen.push(type));
const { transport } = await auth.login(JSON.parse(credentials));
const status = (await auth.fetch(`${base}/me`)).status;
await auth.logout();
console.log(JSON.stringify([transport, status, auth.session, seen]));
"""


@pytest.mark.skipif(NODE is None, reason="needs Node 20")
def test_the_client_logs_in_and_out_and_lets_node_end(tmp_path: Path) -> None:
    script = (ROOT / "clients" / "js" / "authapi.js").as_uri()
    ada = {"email": EMAIL, "password": PASSWORD}
    with ForkedServer(tmp_path, **SERVER) as server, server.client() as client:
        assert client.post("/register", json=ada).status_code == 201
        done = subprocess.run(
            [
                *(str(NODE), "--no-warnings", "--input-type=module", "--eval", PROGRAM),
                *("--", script, server.base_url, json.dumps(ada)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == ["hybrid", 200, None, ["started", "ended"]]
