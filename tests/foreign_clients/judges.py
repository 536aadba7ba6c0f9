"""The libraries of docs/verify-elsewhere.md as programs: tokens go in, subjects come out."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.project.tree import ROOT

HERE = Path(__file__).parent
PAGE = ROOT / "docs" / "verify-elsewhere.md"
DEBIANS_GO = Path("/usr/share/gocode")  # where its packages of Go's libraries lie
BLOCK = re.compile(r"^```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
REFUSED = "-"

# Each is appended to what the page shows. It prints a line for each line that it reads.
READ_LINES = """
import { createInterface } from "node:readline";
const lines = createInterface({ input: process.stdin });
for await (const token of lines) console.log(await judge(token));
process.exit();
"""
JOSE = """
const refusal = ({ status }) => (status === 401 ? "-" : status);
const judge = (token) => verify(`Bearer ${token}`).then(({ claims }) => claims.sub, refusal);
"""
EXPRESS = """
const server = app.listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const judge = async (token) => {
  const headers = { authorization: `Bearer ${token}` };
  const at = (path) => fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers });
  const answer = await at("/reports");
  if (answer.ok && (await at("/drafts")).status !== 403) return "a scope was not demanded";
  const isRefused = [400, 401].includes(answer.status);
  if (isRefused && /^invalid_(token|request)$/.test((await answer.json()).error)) return "-";
  return answer.ok ? (await answer.json()).sub : answer.status;
};
"""
GO = """
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
)

func main() {
	verifier, err := NewVerifier(context.Background())
	if err != nil {
		panic(err)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		subject, err := Subject(context.Background(), verifier, lines.Text())
		if err != nil {
			subject = "-"
		}
		fmt.Println(subject)
	}
}
"""


def shown(heading: str) -> str:
    """Return what the page shows below a heading."""
    section = PAGE.read_text(encoding="utf-8").partition(f"\n### {heading}\n")[2]
    [block] = BLOCK.findall(re.split(r"^##", section, maxsplit=1, flags=re.MULTILINE)[0])
    return str(block)


def judged(library: str, issuer: str, tokens: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return the subject that a library finds in each token, or REFUSED."""
    source = shown(library).replace("https://auth.example", issuer)
    command = _go(source, folder) if library.startswith("Go") else _node(source, library, folder)
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"NODE_NO_WARNINGS": "1"},
        input="\n".join(tokens.values()) + "\n",
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return dict(zip(tokens, done.stdout.splitlines(), strict=True))


def _node(source: str, library: str, folder: Path) -> list[str]:
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    judge = JOSE if library.endswith("jose") else EXPRESS
    (folder / "service.mjs").write_text(source + judge + READ_LINES)
    return ["node", "service.mjs"]


def _go(source: str, folder: Path) -> list[str]:
    if not shutil.which("go") or not (DEBIANS_GO / "src/github.com/coreos/go-oidc").is_dir():
        pytest.skip("needs apt install golang-go golang-github-coreos-go-oidc-dev")
    debians = source.replace(
        '"github.com/coreos/go-oidc/v3/oidc"', 'oidc "github.com/coreos/go-oidc"'
    )
    (folder / "service.go").write_text(debians)
    (folder / "main.go").write_text(GO)
    build = ["go", "build", "-o", "service", "service.go", "main.go"]
    offline = {"GO111MODULE": "off", "GOPATH": str(DEBIANS_GO), "GOCACHE": str(folder / "cache")}
    subprocess.run(build, cwd=folder, env=os.environ | offline, check=True)
    return ["./service"]
