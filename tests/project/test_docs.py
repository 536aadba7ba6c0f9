"""README and docs name only what exists, and leave out nothing that has to be there."""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from authapi import errors
from authapi.cli import commands
from authapi.config import Settings
from authapi.config.problems import KUBERNETES, variable
from authapi.config.value_files import has_file
from authapi.errors import Refusal
from authapi.services.events.catalogue import EventType
from tests.support.operations import DOCUMENT

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "authapi"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PAGES}

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`([^`\n]+)`")
CODE_PATH = re.compile(r"[\w./-]*\w\.(py|md|toml|yaml|lock|ini)|(src|tests|docs|alembic)/[\w./-]*")
ROUTE = re.compile(r"(?:(GET|HEAD|POST|PUT|PATCH|DELETE) )?(/[a-z.][\w./{}-]*)(?:\?.*)?")
COMMAND = re.compile(r"(?:^|\s)authapi ((?:[a-z][a-z-]*\s?)+)")
SETTING = re.compile(r"AUTHAPI_[A-Z_]*[A-Z]")
EVENT = re.compile(r"log\.\w+\(\s*\"(\w+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

# Outside the OpenAPI document by nature.
FILES = ("/etc/", "/opt", "/var/")
PAGES_OF_THE_APP = {"/docs", "/openapi.json", "/client.js"}
# What a page speaks of that is made at run time, or stands for any name.
ANY_SETTING = {"AUTHAPI_X", "AUTHAPI_X_FILE"}
MADE_LATER = {"AUTHAPI_NAME"}


@pytest.fixture
def openapi() -> dict[str, dict[str, object]]:
    return dict(DOCUMENT["paths"])


def anchor(heading: str) -> str:
    """As GitHub makes one."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", TEXTS)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    for link in LINK.findall(TEXTS[page]):
        if link.startswith(("http://", "https://")):
            continue
        path, _, fragment = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if fragment:
            headings = HEADING.findall(FENCE.sub("", target.read_text(encoding="utf-8")))
            assert fragment in [anchor(heading) for heading in headings], link


@pytest.mark.parametrize("page", TEXTS)
def test_every_path_of_the_code_exists(page: str) -> None:
    for code in CODE.findall(FENCE.sub("", TEXTS[page])):
        if CODE_PATH.fullmatch(code) and not code.startswith("/"):
            places = (ROOT / code, SOURCE / code, SOURCE / "verifier" / code)
            assert any(place.exists() for place in places), code


@pytest.mark.parametrize("page", TEXTS)
def test_every_route_exists(page: str, openapi: dict[str, dict[str, object]]) -> None:
    for code in CODE.findall(FENCE.sub("", TEXTS[page])):
        if not (match := ROUTE.fullmatch(code)):
            continue
        method, path = match.groups()
        if path in PAGES_OF_THE_APP or path.startswith(("/verify/", *FILES)):
            continue
        assert path in openapi, code
        assert method is None or method.lower() in openapi[path], code


@pytest.mark.parametrize("page", TEXTS)
def test_every_command_exists(page: str) -> None:
    for code in CODE.findall(FENCE.sub("", TEXTS[page])):
        for words in COMMAND.findall(code):
            found: click.Command = commands.authapi
            for word in words.split():
                if isinstance(found, click.Group):  # what follows a command is its arguments
                    assert word in found.commands, code
                    found = found.commands[word]


def test_every_command_has_its_row() -> None:
    section = TEXTS["docs/operations.md"].partition("## The command line")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `authapi ([a-z -]+)`", section, re.MULTILINE)) == set(
        command_names(commands.authapi)
    )


def command_names(group: click.Group) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in command_names(command))
        else:
            yield name


@pytest.mark.parametrize("page", TEXTS)
def test_every_setting_exists(page: str) -> None:
    known = {variable(field) for field in Settings.model_fields} | MADE_LATER | ANY_SETTING
    known |= {f"{variable(field)}_FILE" for field in Settings.model_fields if has_file(field)}
    named = {name for name in SETTING.findall(TEXTS[page]) if not KUBERNETES.fullmatch(name)}
    assert named <= known


def test_every_refusal_has_its_row() -> None:
    row = re.compile(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \|", re.MULTILINE)
    documented = {name: (int(status), code) for name, status, code in row.findall(errors_page())}
    classes = inspect.getmembers(errors, lambda member: inspect.isclass(member))
    refusals = {
        name: (refusal.status, refusal.code)
        for name, refusal in classes
        if issubclass(refusal, Refusal) and refusal is not Refusal
    }
    assert documented == refusals


def test_every_event_of_the_log_has_its_row() -> None:
    section = TEXTS["docs/security.md"].partition("## What is logged")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.split("\n") if line.startswith("| `")]
    documented = {event for row in rows for event in CODE.findall(row)}
    files = [*SOURCE.rglob("*.py"), *(ROOT / "alembic").rglob("*.py")]
    sources = [path.read_text(encoding="utf-8") for path in files]
    logged = {event for source in sources for event in EVENT.findall(source)} | set(EventType)
    assert documented == logged | {"request"}  # its level is chosen first, then it is written


def test_every_way_to_get_tokens_is_listed(openapi: dict[str, dict[str, object]]) -> None:
    section = TEXTS["docs/security.md"].partition("## Ways to get tokens")[2].partition("\n## ")[0]
    listed = set(re.findall(r"^\| `(\w+ /\S+)` \|", section, re.MULTILINE))
    giving = {
        f"{method.upper()} {path}"
        for path, operations in openapi.items()
        for method, operation in operations.items()
        if "TokenResponse" in str(operation)
    }
    assert listed == giving


def test_every_page_is_linked_from_the_index() -> None:
    linked = {link.partition("#")[0] for link in LINK.findall(TEXTS["docs/README.md"])}
    pages = {page.removeprefix("docs/") for page in TEXTS if page.startswith("docs/")}
    assert pages - {"README.md"} <= linked


def test_the_readme_leads_to_the_index() -> None:
    assert "docs/README.md" in LINK.findall(TEXTS["README.md"])


def test_the_sizes_in_the_map_of_the_code_are_about_right() -> None:
    row = re.compile(r"^\| `(\w+)/` \|.*\| ([\d,]+) \|$", re.MULTILINE)
    sizes = row.findall(TEXTS["docs/architecture.md"])
    assert {layer for layer, _ in sizes} == {path.parent.name for path in SOURCE.glob("*/*.py")}
    for layer, told in sizes:
        lines = sum(len(path.read_text().split("\n")) for path in (SOURCE / layer).rglob("*.py"))
        assert lines == pytest.approx(int(told.replace(",", "")), rel=0.33), layer


def test_the_reading_path_is_short_and_its_sizes_are_about_right() -> None:
    row = re.compile(r"^\d+\. `(src/[\w/.]+)`, (\d+) lines", re.MULTILINE)
    path = row.findall(TEXTS["CONTRIBUTING.md"])
    sizes = {name: len((ROOT / name).read_text().splitlines()) for name, _ in path}
    assert len(sizes) == len(path) > 5
    assert sum(sizes.values()) <= 1500
    for name, told in path:
        assert sizes[name] == pytest.approx(int(told), rel=0.33), name


def errors_page() -> str:
    return TEXTS["docs/errors.md"]


def test_the_docs_show_the_nginx_configuration_that_is_tested() -> None:
    [shown] = re.findall(r"^```nginx\n(.*?)^```$", TEXTS["docs/operations.md"], re.DOTALL | re.M)
    assert shown == (ROOT / "examples/nginx/authapi.conf").read_text(encoding="utf-8")
