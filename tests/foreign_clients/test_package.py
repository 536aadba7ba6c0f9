"""clients/js as npm hands it out: packed, installed without a network, imported, type-checked."""

import json
import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.browser.react_page import in_typescript
from tests.project.tree import ROOT

HERE = Path(__file__).parent
MODULES = HERE / "node_modules"
QUIET = ("--no-audit", "--no-fund", "--loglevel=error")
STRICT = ("--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--pretty", "false")
TYPES = ("--typeRoots", str(MODULES / "@types"), "--types")
USERS = {
    "a page": ("--lib", "es2022,dom"),
    "Node": ("--lib", "es2022", *TYPES, "node"),
    "React Native": ("--lib", "es2022", *TYPES, "react", "native.d.ts"),
}
# React Native has no DOM library: what its types/globals.d.ts declares, as far as we use it. The
# types of React have an empty interface EventTarget.
NATIVE = """
interface Response { readonly ok: boolean; readonly status: number; json(): Promise<any> }
interface RequestInit { method?: string; headers?: Record<string, string>; body?: string }
declare class AbortSignal { readonly aborted: boolean }
declare function fetch(input: string, init?: RequestInit): Promise<Response>;
declare const console: { log(...words: unknown[]): void };
"""
# What `npm create vite -- --template react-ts` writes into tsconfig.app.json.
VITE = (
    *("--target", "es2023", "--lib", "ES2023,DOM", "--module", "esnext", *TYPES, "node"),
    *("--allowArbitraryExtensions", "--skipLibCheck", "--moduleResolution", "bundler"),
    *("--allowImportingTsExtensions", "--verbatimModuleSyntax", "--moduleDetection", "force"),
    *("--jsx", "react-jsx", "--noUnusedLocals", "--noUnusedParameters", "--erasableSyntaxOnly"),
    *("--noFallthroughCasesInSwitch", "--noEmit", "--strict", "--pretty", "false"),
)


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
    (folder / "native.d.ts").write_text(NATIVE)
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
        *("addresses.js", "answers.js", "authapi.js", "keeping.js", "passkeys.js", "stepping.js"),
    }


def test_node_imports_it_by_its_name(project: Path) -> None:
    script = "console.log(Object.keys(await import('authapi-client')).join())"
    command = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "AuthClient,AuthError"


@pytest.mark.parametrize("options", USERS.values(), ids=USERS.keys())
def test_its_types_suit_a_strict_compiler(project: Path, options: tuple[str, ...]) -> None:
    assert compile_(project, (HERE / "usage.ts").read_text(), options) == ""


@pytest.mark.parametrize("user", ["a page", "Node"])
def test_the_events_are_the_platforms(project: Path, user: str) -> None:
    source = """
    import { AuthClient } from "authapi-client";
    const heard = (event: CustomEvent<{ reason: string }>) => event.detail.reason;
    const auth = new AuthClient();
    auth.addEventListener("ended", heard);
    auth.removeEventListener("ended", heard);
    const target: EventTarget = auth;
    target.dispatchEvent(new Event("changed"));
    """
    assert compile_(project, source, USERS[user]) == ""


def test_the_typescript_of_the_react_page_suits_vites_settings(project: Path) -> None:
    for package in ("react", "react-dom", "@types"):
        (project / "node_modules" / package).symlink_to(MODULES / package)
    page = project / "page"
    page.mkdir()
    for name, text in in_typescript().items():
        (page / name).write_text(text)
    command = [str(MODULES / ".bin" / "tsc"), *VITE, *sorted(map(str, page.iterdir()))]
    done = subprocess.run(command, cwd=page, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize(
    ("mistake", "named"),
    [
        ("auth.login({ email: 'ada@example.com' })", "password"),
        ("auth.session.transport", "null"),
        ("auth.addEventListener('ended', ({ detail }) => detail.why)", "why"),
        ("auth.removeEventListener('ended', ({ detail }) => detail.why)", "why"),
        ("new AuthClient({ resources: ['reports'] })", "string[]"),
        ("auth.continueLogin({ totp: '123456' })", "totp"),
        ("auth.onStepUp = async ({ methods }) => methods[0]", "Proof"),
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
declare function showProblem(error: unknown): void;
"""
FACTOR_NAMES = """
declare function showTotp(secret: string, address: string): void;
declare function ask(...words: (string | undefined)[]): Promise<string>;
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
    blocks = re.findall(r"^```js\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    page, looking, factors, step_up, devices, resources, app = blocks
    factors = factors.replace("(email, password)", "(email: string, password: string)")
    (project / "expo.d.ts").write_text(EXPO)
    (project / "auth.ts").write_text(app)
    asking = (factors + FACTOR_NAMES, step_up + FACTOR_NAMES)
    for source in (page + looking + README_NAMES, *asking, devices, resources, app):
        assert compile_(project, source, (*USERS["a page"], "expo.d.ts")) == ""
