"""Run Schemathesis against a server of its own: `python -m tests.fuzz SECONDS [OPTIONS]`.

Exits with an error if Schemathesis finds one, the server logs a traceback, or no credential works.
It prints which operations never answered a 2xx: there Schemathesis has seen refusals only.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.fuzz import ADMINISTRATOR, PASSWORD
from tests.project.tree import ROOT
from tests.support.server import AUTHAPI, ServerProcess
from tests.support.settings import SERVER, environment

HERE = Path(__file__).parent
SCHEMATHESIS = ROOT / ".venv-fuzz" / "bin" / "schemathesis"


def main(seconds: str, *options: str) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ServerProcess(folder, **SERVER, mail_dir=folder / "mail") as server:
            url = server.base_url
            make_administrator(folder)
            document = httpx.get(f"{url}/openapi.json", trust_env=False).json()
            status, answered = ask(url, folder, f"--max-time={seconds}", *options)
            unserved = list(never_served(document, answered))
            tracebacks = server.log.count("Traceback (most recent call last)")
    print(f"{sum(answered.values())} requests; never served: {', '.join(unserved) or 'none'}")
    print(f"{tracebacks} tracebacks in the log of the server")
    return status or bool(tracebacks or {"GET /me", "GET /admin/users"} & {*unserved})


def make_administrator(folder: Path) -> None:
    """Make the account from which tests/fuzz/hooks.py asks under `/admin`."""
    create = ("users", "create", ADMINISTRATOR, "--scope", "authapi:admin", "--password-stdin")
    env = environment(**SERVER)
    subprocess.run((AUTHAPI, *create), cwd=folder, env=env, input=PASSWORD, text=True, check=True)


def ask(url: str, folder: Path, *options: str) -> tuple[int, dict[str, int]]:
    """Return Schemathesis' exit status, and how often each operation had each status."""
    answers = folder / "answers.json"
    command = (
        *(str(SCHEMATHESIS), "--config-file", str(HERE / "schemathesis.toml")),
        *("run", f"{url}/openapi.json", "--url", url, "--no-color", *options),
    )
    hooks = {
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
        "FUZZED_URL": url,
        "FUZZED_ANSWERS": str(answers),
    }
    done = subprocess.run(command, cwd=folder, env=os.environ | hooks, check=False)
    return done.returncode, json.loads(answers.read_text())


def never_served(document: Mapping[str, Any], answered: Mapping[str, int]) -> Iterator[str]:
    """Yield the operations that were asked, need a credential and never answered a 2xx."""
    statuses: dict[str, set[str]] = {}
    for answer in answered:
        name, _, status = answer.rpartition(" ")
        statuses.setdefault(name, set()).add(status[0])
    for path, operations in document["paths"].items():
        for method, about in operations.items():
            needs_one = about["security"] and {} not in about["security"]
            if needs_one and "2" not in statuses.get(f"{method.upper()} {path}", {"2"}):
                yield f"{method.upper()} {path}"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
