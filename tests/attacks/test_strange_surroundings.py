"""Files and folders as platforms make them: they work, or a sentence names the remedy.

The kind: the surroundings are not asked, or a stranger's state is taken for ours.
"""

import errno
import os
import secrets
import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from authapi.config import Settings, load_settings
from authapi.config.secret_file import load_or_create
from authapi.errors import CommandError
from tests.support.server import AUTHAPI
from tests.support.settings import SECRET, environment

GOOD = {
    "database_url": "postgresql://u:hunter2@localhost/authapi",
    "redis_url": "redis://:hunter2@localhost/0",
    "public_url": "https://auth.example",
    "smtp_url": "smtp://u:hunter2@localhost",
    "secret": SECRET,
}
each_of_these = pytest.mark.parametrize("field", GOOD)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")


def shown(settings: Settings, field: str) -> str:
    value = getattr(settings, field)
    return str(value.get_secret_value() if field == "secret" else value).replace("+psycopg", "")


def refusal() -> str:
    with pytest.raises(CommandError) as caught:
        load_settings(mail_from="a@b.example")
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    assert "hunter2" not in sentence
    return sentence


# -- Values


@pytest.mark.parametrize("around", ["{}\n", "{}\r\n", " {} ", "\t{}"])
@each_of_these
def test_white_space_around_a_value_is_dropped(
    field: str, around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AUTHAPI_{field.upper()}", around.format(GOOD[field]))
    assert shown(load_settings(mail_from="a@b.example"), field) == GOOD[field]


def test_white_space_around_words_and_numbers_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "REGISTRATION": "closed\n",
        "DOCS": " false\n",
        "SESSION_TTL": "7\n",
    }.items():
        monkeypatch.setenv(f"AUTHAPI_{name}", value)
    settings = load_settings()
    assert (settings.registration, settings.docs, settings.session_ttl) == ("closed", False, 7)


@pytest.mark.parametrize("content", ["{}", "{}\n", "\ufeff{}\r\n"])
@each_of_these
def test_a_file_holds_the_value_of_a_secret_or_url(
    field: str, content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "value").write_text(content.format(GOOD[field]), encoding="utf-8")
    monkeypatch.setenv(f"AUTHAPI_{field.upper()}_FILE", str(tmp_path / "value"))
    assert shown(load_settings(mail_from="a@b.example"), field) == GOOD[field]


@each_of_these
def test_dotenv_may_name_the_file(field: str, tmp_path: Path) -> None:
    (tmp_path / "value").write_text(GOOD[field])
    (tmp_path / ".env").write_text(f"AUTHAPI_{field.upper()}_FILE=value\n")
    assert shown(load_settings(mail_from="a@b.example"), field) == GOOD[field]


@each_of_these
def test_a_file_that_can_not_be_read_stops_the_start(
    field: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    name = f"AUTHAPI_{field.upper()}_FILE"
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "large").write_text("x" * 100_000)
    reasons = {
        "missing": "No such file or directory",
        ".": "Is a directory",
        "empty": "empty",
        "binary": "not UTF-8",
        "large": "64 KiB",
        "x" * 5000: "too long",
        "hunter2": "No such file or directory",
    }
    for path, reason in reasons.items():
        monkeypatch.setenv(name, path)
        sentence = refusal()
        assert sentence.startswith(f"{name} names a file ")
        assert reason in sentence


@each_of_these
def test_of_a_large_file_neither_all_nor_a_part_is_read(
    field: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It may be a device that never ends. A part of a value would be another value."""
    large = tmp_path / "large"
    monkeypatch.setenv(f"AUTHAPI_{field.upper()}_FILE", str(large))
    large.write_bytes(("x" + "é" * 40_000).encode())  # fewer characters than bytes
    assert "64 KiB" in refusal()
    os.truncate(large, 100_000_000)
    tracemalloc.start()
    assert "64 KiB" in refusal()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 50_000_000


@each_of_these
def test_a_value_and_its_file_exclude_each_other(
    field: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "value").write_text(GOOD[field])
    monkeypatch.setenv(f"AUTHAPI_{field.upper()}", GOOD[field])
    monkeypatch.setenv(f"AUTHAPI_{field.upper()}_FILE", str(tmp_path / "value"))
    assert f"AUTHAPI_{field.upper()}_FILE exclude each other" in refusal()


def test_the_environment_outranks_a_file_of_dotenv(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("AUTHAPI_PUBLIC_URL_FILE=missing\n")
    monkeypatch.setenv("AUTHAPI_PUBLIC_URL", "https://auth.example")
    assert load_settings().public_url == "https://auth.example"


@pytest.mark.parametrize("name", ["AUTHAPI_AUDIENCE_FILE", "AUTHAPI_FILE", "AUTHAPI_SECRETS_FILE"])
def test_a_file_for_any_other_setting_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "value")
    assert f"{name} is not a setting." in refusal()


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_break", ["\n", "\r\n"])
def test_dotenv_is_read_as_editors_of_windows_write_it(
    mark: str, line_break: str, tmp_path: Path
) -> None:
    text = f"{mark}AUTHAPI_AUDIENCE=first{line_break}AUTHAPI_REGISTRATION=closed{line_break}"
    (tmp_path / ".env").write_bytes(text.encode())
    settings = load_settings()
    assert (settings.audience, settings.registration) == ("first", "closed")


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_dotenv_that_is_not_utf_8_is_said_so(encoding: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("AUTHAPI_AUDIENCE=é".encode(encoding))
    assert ".env can't be read" in refusal()


# -- The file of the secret


def settings_in(folder: Path) -> Settings:
    return Settings(_env_file=None, database_url=f"sqlite:///{folder}/authapi.db")


@pytest.mark.parametrize("error", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])
def test_a_file_system_without_hard_links_keeps_one_secret(
    error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "link", no_links)
    first = load_or_create(settings_in(tmp_path))
    assert load_or_create(settings_in(tmp_path)).secrets == first.secrets
    assert [path.name for path in tmp_path.iterdir()] == ["authapi.secret"]
    assert stat.S_IMODE((tmp_path / "authapi.secret").stat().st_mode) == 0o600


def test_without_hard_links_processes_that_start_together_agree(tmp_path: Path) -> None:
    program = (
        "import os, sys; os.link = lambda *_, **__: os.truncate('', 0); "
        "from authapi.config import Settings; "
        "from authapi.config.secret_file import load_or_create; sys.stdin.read(1); "
        f"s = Settings(_env_file=None, database_url='sqlite:///{tmp_path}/authapi.db'); "
        "print(load_or_create(s).secrets[0].decode())"
    )
    program = program.replace("os.truncate('', 0)", "(_ for _ in ()).throw(PermissionError(1, ''))")
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    answers = {racer.communicate("g", timeout=60)[0] for racer in racers}
    assert len(answers) == 1
    assert len(answers.pop().strip()) == 43


def test_the_group_that_kubernetes_lets_in_stops_no_second_start(tmp_path: Path) -> None:
    first = load_or_create(settings_in(tmp_path))
    (tmp_path / "authapi.secret").chmod(0o660)
    assert load_or_create(settings_in(tmp_path)).secrets == first.secrets


@pytest.mark.parametrize("mode", [0o440, 0o640, 0o660])
def test_a_volume_with_the_mark_of_fsgroup_may_be_read_by_its_group(
    mode: int, tmp_path: Path
) -> None:
    first = load_or_create(settings_in(tmp_path))
    tmp_path.chmod(0o2770)
    (tmp_path / "authapi.secret").chmod(mode)
    assert load_or_create(settings_in(tmp_path)).secrets == first.secrets


@as_root
@pytest.mark.parametrize("mode", [0o660, 0o440])
def test_the_group_of_somebody_else_is_refused(mode: int, tmp_path: Path) -> None:
    load_or_create(settings_in(tmp_path))
    os.chown(tmp_path, -1, 54_321)
    tmp_path.chmod(0o2770)
    os.chown(tmp_path / "authapi.secret", -1, 54_321)
    (tmp_path / "authapi.secret").chmod(mode)
    with pytest.raises(CommandError, match="chmod 600"):
        load_or_create(settings_in(tmp_path))


@pytest.mark.parametrize("mode", [0o664, 0o666, 0o644])
def test_everybody_is_refused_in_any_folder(mode: int, tmp_path: Path) -> None:
    (tmp_path / "authapi.secret").write_text(secrets.token_urlsafe(32))
    (tmp_path / "authapi.secret").chmod(mode)
    tmp_path.chmod(0o2770)
    with pytest.raises(CommandError, match="chmod 600"):
        load_or_create(settings_in(tmp_path))


# -- The process


def test_no_home_is_needed(tmp_path: Path) -> None:
    ours = {name: value for name, value in environment().items() if name != "HOME"}
    done = subprocess.run([AUTHAPI, "migrate"], cwd=tmp_path, env=ours, timeout=60, check=False)
    assert done.returncode == 0


@as_root
@pytest.mark.parametrize("command", ["migrate", "serve --port 0"])
def test_a_folder_that_can_not_be_written_is_said_so(command: str, tmp_path: Path) -> None:
    folder = Path("/proc/self")  # no file can be made there, not even by root
    done = subprocess.run(
        [AUTHAPI, *command.split()],
        cwd=tmp_path,
        env=environment(database_url=f"sqlite:///{folder}/authapi.db"),
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    [sentence] = done.stderr.splitlines()
    assert "/proc/self" in sentence


def test_a_working_directory_that_was_removed_is_said_so(tmp_path: Path) -> None:
    program = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && exec {AUTHAPI} migrate"
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        ["sh", "-c", program],
        env=environment(),
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
