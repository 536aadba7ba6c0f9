"""The shell of all pages can be read, and names commands, options, targets and settings that exist.

What it does when it runs is tested page by page.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from secrets import token_urlsafe

import click
import pytest

from authapi.cli import commands
from authapi.config import load_settings
from tests.project.tree import ROOT
from tests.support.settings import environment
from tests.support.snippets import SNIPPETS, Snippet, shown
from tests.support.tour import steps_of

# What stands for a reader's own value.
PLACEHOLDERS = {"PASSWORD": "a password", "=...": f"={token_urlsafe()}"}
ASSIGNMENT = re.compile(r"^(?:export )?(AUTHAPI_\w+=\S.*?)(?:\s+#.*)?$", re.MULTILINE)
REDIRECTION = re.compile(r"\s[0-9]?[<>]+ *\S+")
SEPARATORS = {"|", "||", "&", "&&", ";", "<", ">", ">>", "(", ")"}
SHELL = [snippet for snippet in SNIPPETS if snippet.language in {"sh", "bash", "console"}]
every_block = pytest.mark.parametrize("snippet", SHELL, ids=lambda s: f"{s.page}:{s.line}")


def script(snippet: Snippet) -> str:
    """Return the commands of a block, without what they print."""
    if snippet.language != "console":
        return snippet.text
    return "\n".join(step.command for step in steps_of(f"```console\n{snippet.text}```\n"))


def simple_commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of a script, `cd x && make run` as two."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if word in SEPARATORS:
                yield words
                words = []
            else:
                words.append(word)
        yield words


def arguments_of(program: str, text: str) -> Iterator[list[str]]:
    """Yield the arguments of each command that runs the program, also in `$(…)`."""
    text = REDIRECTION.sub(" ", text)
    plain = re.sub(r"\$\(|\)|`", " ; ", text)
    try:
        found = list(simple_commands(plain))
    except ValueError:  # a quotation that the parentheses stood in
        found = list(simple_commands(text))
    for words in found:
        while words and re.match(r"\w+=", words[0]):
            words = words[1:]
        if words and words[0] == program:
            yield words[1:]


@every_block
def test_the_shell_can_read_it(snippet: Snippet) -> None:
    done = subprocess.run(
        ["bash", "-n"], input=script(snippet), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), snippet


@every_block
def test_every_command_of_authapi_is_one(snippet: Snippet) -> None:
    for arguments in arguments_of("authapi", script(snippet)):
        parsed(arguments)


def parsed(arguments: list[str]) -> click.Context:
    """Read the arguments as the command does, and run nothing. Fails where it would refuse them."""
    context = commands.authapi.make_context("authapi", list(arguments))
    while isinstance(group := context.command, click.Group):
        name, command, rest = group.resolve_command(context, context._protected_args + context.args)
        assert name is not None
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    return context


def test_a_wrong_command_is_found() -> None:
    text = "x=$(authapi users list) && authapi keys compromise KID; AUTHAPI_PURGE=0 authapi serve"
    found = list(arguments_of("authapi", text))
    assert found == [["users", "list"], ["keys", "compromise", "KID"], ["serve"]]
    assert parsed(found[0]).command.name == "list"
    with pytest.raises(click.UsageError):
        parsed(found[1])
    with pytest.raises(click.UsageError):
        parsed(["serve", "--prot", "8000"])


@every_block
def test_every_target_of_make_exists(snippet: Snippet) -> None:
    """For CONTRIBUTING.md, docs/performance.md and benchmarks/README.md this is the test."""
    for arguments in arguments_of("make", script(snippet)):
        command = ["make", "--dry-run", *arguments]
        clean = {name: value for name, value in os.environ.items() if "MAKE" not in name}
        subprocess.run(command, cwd=ROOT, env=clean, check=True, stdout=subprocess.DEVNULL)


@every_block
def test_its_settings_are_accepted(snippet: Snippet, monkeypatch: pytest.MonkeyPatch) -> None:
    """For docs/factors.md, docs/faults.md, docs/limits.md, docs/tokens.md, docs/operations.md."""
    for line in ASSIGNMENT.findall(script(snippet)):
        for word in shlex.split(line):
            name, is_setting, value = word.partition("=")
            if not is_setting or not name.startswith("AUTHAPI_"):
                break
            for placeholder, meant in PLACEHOLDERS.items():
                value = f"={value}".replace(placeholder, meant)[1:]
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUTHAPI_SECRET", token_urlsafe())
    assert load_settings()


def run(text: str, folder: Path, **settings: object) -> str:
    """Run a script in bash; return what it prints."""
    tools = {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-ec", text],
        cwd=folder,
        env=environment(**settings) | tools,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_shell_of_the_settings_prints_them(tmp_path: Path) -> None:
    first, second = shown("docs/configuration.md", "sh")
    secret = run(second, tmp_path).strip()
    assert len(secret) >= 43
    printed = run(first.replace("SECRET=...", f"SECRET={secret}"), tmp_path)
    assert "https://example.com/auth" in printed
    assert "db.internal" in printed
    assert secret not in printed
    assert "PASSWORD@" not in printed


def test_keys_are_listed_and_rotated(tmp_path: Path) -> None:
    """As docs/keys.md begins, on a database of its own."""
    (block,) = shown("docs/keys.md", "sh")
    listed, rotated, disowned = block.splitlines()
    run("authapi migrate", tmp_path)
    run(rotated, tmp_path)
    kid = run(listed, tmp_path).split()[0]
    assert "KID" in disowned
    run(disowned.replace("KID", kid), tmp_path)
    assert re.search(rf"{kid}.*compromised", run(listed, tmp_path))
