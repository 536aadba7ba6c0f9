"""The sizing table of docs/operations.md follows from the measured figures that stand above it."""

import re

from tests.project.tree import ROOT

PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8").partition("\n## Sizing\n")[2]
SECTION = PAGE.partition("\n## ")[0]
ACTIVE, HEAD_ROOM, HASH_MIB = 0.1, 2, 19
ROUTES = ("POST /login", "POST /refresh", "GET /verify")


def figure(name: str, column: int = 0) -> float:
    """Return a number of the row of that name."""
    (cells,) = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", SECTION, re.MULTILINE)
    return float(cells.split("|")[column].strip().replace(",", ""))


def sized(users: int) -> list[str]:
    rates = [users / 7 * 0.2 / 3600, users * ACTIVE / 900, users * ACTIVE / 10]
    ours, database = (
        HEAD_ROOM
        * sum(
            rate * figure(f"`{route}`", column) / 1000
            for rate, route in zip(rates, ROUTES, strict=True)
        )
        for column in (0, 1)
    )
    processes = max(2, -int(-ours // 1))
    mib = processes * (figure("memory of a process, MiB") + HASH_MIB)
    rows = ("a user", "two sessions", "a year's log-ins")
    stored = users * sum(figure(f"bytes of {row}") for row in rows)
    asked = (f"{rates[0]:.2g}", f"{rates[1]:.3g}", f"{rates[2]:,.0f}")
    needed = (f"{ours:.2g}", f"{database:.2g}", str(processes), f"{mib:.0f}")
    return [f"{users:,}", *asked, *needed, f"{stored / 1e9:.2g}", str(32 * processes)]


def test_the_sizing_table_is_computed_from_the_figures_above_it() -> None:
    lines = ["| " + " | ".join(sized(users)) + " |" for users in (10_000, 100_000, 1_000_000)]
    assert [line for line in lines if line not in SECTION] == []
