"""The Dockerfile, run step by step without Docker: a scratch folder plays the image's root.

What it can't play: the base image (a virtual environment of this Python stands in for its Python),
and users. Both stages share one root, so what is copied from one to the other must keep its path.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from tests.project.tree import ROOT

ABSOLUTE = re.compile(r"(?<![\w./-])/(?=(opt|src|dist|data)\b)")


@dataclass(frozen=True)
class Step:
    verb: str
    text: str

    @property
    def words(self) -> list[str]:
        """The exec form's list."""
        return [str(word) for word in json.loads(self.text)]


def read_steps(text: str) -> list[Step]:
    lines = text.replace("\\\n", " ").splitlines()
    return [Step(*line.split(maxsplit=1)) for line in lines if line and not line.startswith("#")]


def is_ignored(path: str, patterns: list[str]) -> bool:
    """Whether .dockerignore keeps `path` out: the last pattern that fits it or a folder counts."""
    ignored = False
    places = [path, *(str(parent) for parent in PurePosixPath(path).parents)]
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        if any(_fits(place, bare) for place in places):
            ignored = not pattern.startswith("!")
    return ignored


def _fits(place: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatchcase(PurePosixPath(place).name, pattern.removeprefix("**/"))
    return place.count("/") == pattern.count("/") and fnmatchcase(place, pattern)


def _make_python(folder: Path) -> None:
    """A Python with pip and nothing else. The pip is ours: an older one takes twice as long."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for lent in Path(sysconfig.get_path("purelib")).glob("pip*"):
        if lent.name == "pip" or lent.match("pip-*.dist-info"):
            shutil.copytree(lent, packages / lent.name)


@dataclass
class Image:
    """What the steps have made so far."""

    root: Path
    env: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    said: dict[str, Step] = field(default_factory=dict)  # by verb, the last one counts

    def build(self, steps: list[Step]) -> None:
        for step in steps:
            self.said[step.verb] = step
            do = getattr(self, f"_{step.verb.lower()}", None)
            if do is not None:
                do(step.text)

    def place(self, path: str) -> Path:
        return self.root / PurePosixPath(self.folder, path).relative_to("/")

    def translate(self, text: str) -> str:
        return ABSOLUTE.sub(f"{self.root}/", text)

    def command(self, words: list[str]) -> list[str]:
        """A command of the image, to be run with `env`."""
        program = shutil.which(words[0], path=self.env["PATH"])
        assert program is not None, f"{words[0]} is not in the image"
        return [program, *(self.translate(word) for word in words[1:])]

    def _from(self, _text: str) -> None:
        python = self.root / "usr/local"
        if not python.exists():
            _make_python(python)
        unwanted = ("AUTHAPI_", "PYTHON", "VIRTUAL_ENV", "COV_")
        self.env = {name: v for name, v in os.environ.items() if not name.startswith(unwanted)}
        self.env["PATH"] = f"{python}/bin:/usr/bin:/bin"
        self.env["PIP_NO_COMPILE"] = "1"  # what the test imports is compiled soon enough
        self.folder = "/"

    def _workdir(self, text: str) -> None:
        self.folder = text
        self.place(".").mkdir(parents=True, exist_ok=True)

    def _env(self, text: str) -> None:
        name, _, value = text.partition("=")
        self.env[name] = self.translate(value).replace("$PATH", self.env["PATH"])

    def _run(self, text: str) -> None:
        if text.startswith("useradd "):
            self._useradd(shlex.split(text))
            return
        subprocess.run(
            ["sh", "-c", self.translate(text)],
            cwd=self.place("."),
            env=self.env,
            check=True,
            stdin=subprocess.DEVNULL,
        )

    def _useradd(self, words: list[str]) -> None:
        """Its home only: a test adds no user to the machine."""
        home = words[words.index("--home-dir") + 1]
        self.place(home).mkdir(mode=0o700)

    def _copy(self, text: str) -> None:
        *sources, target = text.split()
        if sources[0].startswith("--from="):
            assert sources[1:] == [target], "a virtual environment can't be moved"
            assert self.place(target).exists()
            return
        for source in sources:
            self._copy_one(source, target)

    def _copy_one(self, source: str, target: str) -> None:
        patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        patterns = [pattern for pattern in patterns if pattern and not pattern.startswith("#")]
        origin = ROOT / source
        files = [path for path in [origin, *origin.rglob("*")] if path.is_file()]
        kept = [path for path in files if not is_ignored(str(path.relative_to(ROOT)), patterns)]
        assert kept, f"nothing of {source} reaches the build"
        for path in kept:
            # COPY puts a folder's contents, not the folder, into its target.
            inside = path.relative_to(origin) if origin.is_dir() else Path(source).name
            copy = self.place(target) / inside
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, copy)
