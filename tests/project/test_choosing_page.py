"""docs/choosing.md: each cell has a figure that was measured or a test; its blocks run."""

import re
from typing import Any

import httpx
import pytest

from authapi.testing import PASSWORD, authapi_server
from tests.project.tree import ROOT
from tests.support.snippets import shown
from tests.support.until import until

PAGE = "docs/choosing.md"
TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
FIGURE = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
TEST = re.compile(r"`(test_\w+)`")
TRANSPORTS = ("bearer", "hybrid", "cookie", "session")
ADA = {"email": "ada@example.com", "password": PASSWORD, "resource": "reports"}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table behind a heading, without its two first lines."""
    table = TEXT.partition(heading)[2].partition("\n| ")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in re.split(r" \| ", line)] for line in table.splitlines()[2:]]


def defined() -> set[str]:
    files = (ROOT / "tests").rglob("test_*.py")
    return {name for f in files for name in re.findall(r"^def (test_\w+)", f.read_text(), re.M)}


def measured() -> set[str]:
    """Return every figure of docs/performance.md and of the kept results."""
    files = [ROOT / "docs/performance.md", *(ROOT / "benchmarks/results").glob("[0-9]*.md")]
    return {figure for file in files for figure in FIGURE.findall(file.read_text("utf-8"))}


COMPARED = [
    (row[0].strip("| "), transport, cell.strip("| "))
    for row in rows("Sessions or JWT?")
    for transport, cell in zip(TRANSPORTS, row[1:], strict=True)
]


@pytest.mark.parametrize(("question", "transport", "cell"), COMPARED)
def test_each_cell_has_a_figure_or_a_test(question: str, transport: str, cell: str) -> None:
    tests, figures = TEST.findall(cell), FIGURE.findall(re.sub(r"`[^`]*`", "", cell))
    assert tests or figures, f"{question} {transport}: name a figure that was measured, or a test"
    assert set(tests) <= defined()
    assert set(figures) <= measured(), f"{question} {transport}: not in docs/performance.md"


def test_what_a_session_weighs_was_counted() -> None:
    counted = {
        figure for row in rows("## What a session weighs") for figure in FIGURE.findall(row[-1])
    }
    assert counted
    assert counted <= measured()


def test_a_function_refuses_what_has_ended() -> None:
    (block,) = [text for text in shown(PAGE, "python") if "def handler" in text]
    with authapi_server(serve=True, audiences="reports") as server:
        server.user(ADA["email"])
        names: dict[str, Any] = {}
        exec(compile(block.replace("https://auth.example", server.url), PAGE, "exec"), names)

        def call(**headers: str) -> int:
            return int(names["handler"]({"headers": headers}, None)["statusCode"])

        with names["verifier"], httpx.Client(base_url=server.url, trust_env=False) as client:
            token = client.post("/login", json=ADA).json()["access_token"]
            bearer = f"Bearer {token}"
            assert [call(authorization=bearer), call(), call(authorization="Bearer x")] == [
                200,
                401,
                401,
            ]
            client.post("/logout", headers={"Authorization": bearer}).raise_for_status()
            until(lambda: call(authorization=bearer) == 401)


def test_a_plan_is_read_again_after_some_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = [text for text in shown(PAGE, "python") if "def plan_of" in text]
    read: list[str] = []

    def read_plan(sub: str) -> str:
        read.append(sub)
        return f"plan {len(read)}"

    names: dict[str, Any] = {"read_plan": read_plan}
    exec(compile(block, PAGE, "exec"), names)
    now = 100.0
    names["monotonic"] = lambda: now
    assert [names["plan_of"]("ada") for _ in range(3)] == ["plan 1"] * 3
    now += names["SECONDS"]
    assert names["plan_of"]("ada") == "plan 2"
    names["MOST"] = 1
    assert names["plan_of"]("eve") == "plan 3"
    assert set(names["kept"]) == {"eve"}
