"""`make example-…` as somebody types it in a clone: started, asked once, ended by Ctrl-C."""

import re
import subprocess
from pathlib import Path

import httpx

from tests.browser.made import answer_of, end, made
from tests.support.server import ANSWER_TIMEOUT, free_port
from tests.support.snippets import shown
from tests.support.tour import END

STATUS = re.compile(r"# (\d{3})\b")


def walk(page: str, places: dict[str, int]) -> None:
    """Run the commands of an example's README; each gets the status that its comment tells."""
    (block,) = shown(page, "sh")
    for place, port in places.items():
        assert place in block
        block = block.replace(place, f"localhost:{port}")
    lines = block.splitlines()
    script = "\n".join(f"{awaited(line)}{line}\necho; echo '{END}'" for line in lines)
    done = subprocess.run(
        ["bash", "-ec", script], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout.split(f"{END}\n")[:-1]
    for line, text in zip(lines, printed, strict=True):
        if told := STATUS.search(line):
            assert f" {told[1]} " in text.partition("\n")[0], f"{line}\n{text}"


def awaited(line: str) -> str:
    """Return a loop that waits for the status of a line whose comment says `within`."""
    command, _, comment = line.partition("  # ")
    told = STATUS.search(line)
    if not told or "within" not in comment:
        return ""
    return f"until {command} | head -1 | grep -q ' {told[1]} '; do sleep 0.1; done; "


def test_make_example_spa(clone: Path) -> None:
    port = free_port()
    with made("example-spa", clone, PORT=port) as process:
        page = answer_of(process, f"http://localhost:{port}/", 200)
        assert '<script type="module" src="app.js">' in page.text
        assert answer_of(process, f"http://localhost:{port}/auth/readyz", 200)
        end(process)


def test_make_example_pages(clone: Path) -> None:
    port = free_port()
    with made("example-pages", clone, PORT=port) as process:
        page = answer_of(process, f"http://localhost:{port}/login", 200)
        assert "<h1>Log in</h1>" in page.text
        end(process)


def test_make_example_nginx(clone: Path) -> None:
    port = free_port(in_a_row=3)
    with made("example-nginx", clone, PORT=port) as process:
        refused = answer_of(process, f"http://localhost:{port}/api/hello", 401)
        walk("examples/nginx/README.md", {"localhost:8003": port})
        assert refused.headers["server"] == "nginx"
        assert refused.headers["www-authenticate"].startswith("Bearer")
        end(process)


def test_make_example_api(clone: Path) -> None:
    port, issuer_port = free_port(), free_port()
    with made("example-api", clone, PORT=port, ISSUER_PORT=issuer_port) as process:
        assert answer_of(process, f"http://localhost:{port}/api/data", 401)
        issuer = f"http://localhost:{issuer_port}"
        ada = {"email": "ada@example.com", "password": "correct horse battery staple"}
        answer_of(process, f"{issuer}/readyz", 200)
        httpx.post(f"{issuer}/register", json=ada, trust_env=False, timeout=ANSWER_TIMEOUT)
        named = {**ada, "resource": "reports"}
        answer = httpx.post(f"{issuer}/login", json=named, trust_env=False, timeout=ANSWER_TIMEOUT)
        url = f"http://localhost:{port}/api/data"
        data = answer_of(process, url, 200, answer.json()["access_token"])
        assert data.json()["data"] == [3, 1, 4, 1, 5]
        walk("examples/api/README.md", {"localhost:8000": issuer_port, "localhost:8006": port})
        end(process)
