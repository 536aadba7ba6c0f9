"""docs/security.md answers rows of ASVS 5.0 V6 and V7 (level 1, 2, and 6.7), by tests or words."""

import re

from tests.project.tree import ROOT

PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("### V6 and V7, row by row")[2].partition("\n## ")[0]
ROW = re.compile(r"^\| ([\d., ]+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)
# How many requirements of level 1 and 2 each section has (6.7: of level 3, which come last).
COUNTS = "6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 6.7:2 6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2"


def test_each_row_is_answered_once() -> None:
    found = [row for rows, _, _ in ROW.findall(SECTION) for row in rows.split(", ")]
    sections = [section.split(":") for section in COUNTS.split()]
    wanted = [f"{name}.{n}" for name, count in sections for n in range(1, int(count) + 1)]
    assert found == wanted


def test_each_row_names_a_test_or_says_why_not() -> None:
    for rows, _, answer in ROW.findall(SECTION):
        is_answered = answer.startswith(("Not met: ", "Not applicable: ", "[Documented]("))
        assert is_answered or re.search(r"`test_\w+`", answer), rows


def test_the_chapters_line_names_what_is_not_met_or_not_applicable() -> None:
    (line,) = re.findall(r"^\| V6 authentication, V7 sessions \|.*$", PAGE, re.MULTILINE)
    _, not_met, not_applicable = (cell.strip() for cell in line.strip("|").split("|")[1:])
    for words, named in (("Not met", not_met), ("Not applicable", not_applicable)):
        rows = [rows for rows, _, answer in ROW.findall(SECTION) if answer.startswith(words)]
        assert set(", ".join(rows).split(", ")) == set(named.split(", "))
