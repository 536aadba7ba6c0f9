"""The README's tours, in curl and in HTTPie, do what it says: word by word, in its order."""

import os
import sys
from pathlib import Path

import pytest

from tests.support.server import ServerProcess
from tests.support.tour import Step, run_in_bash, steps_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A newcomer's: curl and HTTPie on the path, no files of their own for either."""
    tools = Path(sys.executable).parent
    return {
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "HTTPIE_CONFIG_DIR": str(tmp_path),
        "NO_PROXY": "*",
        "TERM": "xterm",
    }


def test_the_tours_print_what_the_readme_says(tmp_path: Path, environment: dict[str, str]) -> None:
    with ServerProcess(tmp_path, mail_dir="mail") as server:  # as make run does
        # The one thing that is not taken word by word: port 8000 may be somebody else's here.
        steps = steps_of(README.replace(":8000", f":{server.port}"))
        printed = run_in_bash(steps, environment)
    assert len(printed) == len(steps)
    for step, text in zip(steps, printed, strict=True):
        assert step.fits(text), f"$ {step.command}\nshould print\n{step.printed}\nnot\n{text}"


def test_the_tours_use_both_clients() -> None:
    commands = [step.command for step in steps_of(README)]
    assert any("curl " in command for command in commands)
    assert any("http " in command for command in commands)


def test_a_step_that_prints_something_else_does_not_fit() -> None:
    step = Step("curl", '{"id":"…"} 201')
    assert step.fits('{"id":"p4RQpYBpOU1R1Hn0nUdM2Q"} 201\n')
    assert not step.fits('{"id":""} 201\n')
    assert not step.fits('{"id":"p4RQ","more":1} 201\n')
    assert not step.fits('{"id":"p4RQ"} 200\n')
    assert not step.fits("")


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in ("run", "test"):
        assert f"\nmake {target} " in README
        assert f"\n{target}:" in makefile


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150
