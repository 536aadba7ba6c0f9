"""The drill of docs/keys.md does what it says: word by word, in its order."""

import os
import sys
from pathlib import Path

from tests.support.server import ServerProcess
from tests.support.settings import environment as without_settings
from tests.support.tour import run_in_bash, steps_of

PAGE = (Path(__file__).parents[2] / "docs" / "keys.md").read_text(encoding="utf-8")


def test_the_drill_for_a_leaked_key_prints_what_the_page_says(tmp_path: Path) -> None:
    tools = Path(sys.executable).parent
    environment = {
        **without_settings(),
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "NO_PROXY": "*",
        "TERM": "xterm",
    }
    with ServerProcess(tmp_path) as server:  # the tests run in `tmp_path`, as the drill wants
        # The one thing that is not taken word by word: port 8000 may be somebody else's here.
        steps = steps_of(PAGE.replace(":8000", f":{server.port}"))
        printed = run_in_bash(steps, environment)
    assert len(printed) == len(steps)
    for step, text in zip(steps, printed, strict=True):
        assert step.fits(text), f"$ {step.command}\nshould print\n{step.printed}\nnot\n{text}"
