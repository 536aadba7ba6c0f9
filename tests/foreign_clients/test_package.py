"""clients/js as npm hands it out: packed, installed without a network, imported, type-checked."""

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.project.tree import ROOT

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
STRICT = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--pretty", "false")
USERS = {
    "a page": ("--lib", "es2022,dom"),
    "Node": ("--lib", "es2022", "--types", "node", "--typeRoots", str(MODULES / "@types")),
}


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    command = ["npm", "pack", *QUIET, f"--pack-destination={folder}", str(ROOT / "clients" / "js")]
    subprocess.run(command, check=True, capture_output=True)
    (packed,) = folder.glob("authapi-client-*.tgz")
    return packed


@pytest.fixture(scope="module")
def project(tarball: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of somebody who has installed the package and nothing else."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
    command = ["npm", "install", "--offline", *QUIET, str(tarball)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def compile_(project: Path, source: str, options: tuple[str, ...]) -> str:
    """Return what the compiler has to say."""
    (project / "usage.ts").write_text(source)
    command = [str(MODULES / ".bin" / "tsc"), *STRICT, *options, "usage.ts"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_the_package_holds_the_client_its_types_and_its_licence(tarball: Path) -> None:
    with tarfile.open(tarball) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
    assert names == {
        *("package.json", "README.md", "LICENSE", "authapi.d.ts"),
        *("answers.js", "authapi.js", "keeping.js"),
    }


def test_node_imports_it_by_its_name(project: Path) -> None:
    script = "console.log(Object.keys(await import('authapi-client')).join())"
    command = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "AuthClient,AuthError"


@pytest.mark.parametrize("options", USERS.values(), ids=USERS.keys())
def test_its_types_suit_a_strict_compiler(project: Path, options: tuple[str, ...]) -> None:
    assert compile_(project, (HERE / "usage.ts").read_text(), options) == ""


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("auth.login({ email: 'ada@example.com' })", "password"),
        ("auth.session.transport", "null"),
        ("auth.addEventListener('ended', ({ detail }) => detail.why)", "why"),
        ("new AuthClient({ transport: 'bearer', storage: localStorage })", "TokenStorage"),
    ],
)
def test_its_types_find_mistakes(project: Path, mistake: str, named: str) -> None:
    source = "import { AuthClient } from 'authapi-client'; const auth = new AuthClient();"
    assert named in compile_(project, source + mistake, USERS["a page"])


README_NAMES = """
declare const email: string, password: string, current_password: string, new_password: string;
declare function showAccount(): void;
declare function showLogin(): void;
"""
EXPO = """
declare module "expo-secure-store" {
  export function getItemAsync(key: string, options?: object): Promise<string | null>;
  export function setItemAsync(key: string, value: string, options?: object): Promise<void>;
  export function deleteItemAsync(key: string, options?: object): Promise<void>;
}
"""


def test_the_types_know_all_that_the_readme_shows(project: Path) -> None:
    readme = (ROOT / "clients" / "js" / "README.md").read_text(encoding="utf-8")
    page, app = re.findall(r"^```js\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    (project / "expo.d.ts").write_text(EXPO)
    assert compile_(project, page + README_NAMES, (*USERS["a page"], "expo.d.ts")) == ""
    assert compile_(project, app, (*USERS["a page"], "expo.d.ts")) == ""
