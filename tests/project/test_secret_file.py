"""The secret that is made beside a SQLite file: once, for its owner alone, never a second one."""

import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from authapi.config import Settings
from authapi.config.secret_file import load_or_create, secret_path
from authapi.errors import CommandError


def settings_in(folder: Path) -> Settings:
    return Settings(_env_file=None, database_url=f"sqlite:///{folder}/authapi.db")


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def refusal(settings: Settings) -> str:
    with pytest.raises(CommandError) as caught:
        load_or_create(settings)
    return str(caught.value)


def write(path: Path, content: bytes, mode: int = 0o600) -> None:
    path.write_bytes(content)
    path.chmod(mode)


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = load_or_create(settings_in(tmp_path))
    path = tmp_path / "authapi.secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == f"{first.secrets[0].decode()}\n"
    assert load_or_create(settings_in(tmp_path)).secrets == first.secrets
    assert names_in(tmp_path) == ["authapi.secret"]


def test_a_wide_umask_opens_nothing(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_or_create(settings_in(tmp_path))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "authapi.secret").stat().st_mode) == 0o600


def test_a_secret_that_is_set_needs_no_file(tmp_path: Path) -> None:
    settings = settings_in(tmp_path).model_copy(
        update={"secret": Settings(_env_file=None, secret=secrets.token_urlsafe(32)).secret}
    )
    assert load_or_create(settings) is settings
    assert names_in(tmp_path) == []


def test_the_file_may_hold_a_list_to_rotate_it(tmp_path: Path) -> None:
    new, old = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    write(tmp_path / "authapi.secret", f"{new},{old}\n".encode())
    assert load_or_create(settings_in(tmp_path)).secrets == (new.encode(), old.encode())


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    program = (
        "import sys; from authapi.config import Settings; "
        "from authapi.config.secret_file import load_or_create; sys.stdin.read(1); "
        f"s = Settings(_env_file=None, database_url='sqlite:///{tmp_path}/authapi.db'); "
        "print(load_or_create(s).secrets[0].decode())"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("g")
        racer.stdin.flush()
    answers = {racer.communicate(timeout=30)[0] for racer in racers}
    assert len(answers) == 1
    assert len(answers.pop().strip()) == 43
    assert names_in(tmp_path) == ["authapi.secret"]


def test_the_loser_of_a_race_takes_the_winners_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    winner = secrets.token_urlsafe(32)
    link = os.link

    def late(source: str, target: str, *, follow_symlinks: bool = True) -> None:
        write(tmp_path / "authapi.secret", winner.encode())
        link(source, target, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(os, "link", late)
    assert load_or_create(settings_in(tmp_path)).secrets == (winner.encode(),)
    assert names_in(tmp_path) == ["authapi.secret"]


def test_a_database_that_lost_its_secret_gets_no_new_one(tmp_path: Path) -> None:
    (tmp_path / "authapi.db").write_bytes(b"SQLite format 3\0")
    sentence = refusal(settings_in(tmp_path))
    assert "Put authapi.secret back" in sentence
    assert not (tmp_path / "authapi.secret").exists()


def test_an_empty_database_file_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "authapi.db").touch()
    assert load_or_create(settings_in(tmp_path)).secrets


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o620])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    write(tmp_path / "authapi.secret", secrets.token_urlsafe(32).encode(), mode)
    assert f"chmod 600 {tmp_path}/authapi.secret" in refusal(settings_in(tmp_path))


@pytest.mark.parametrize("content", [b"", b"\n", b"short", b"changeme" * 8, b"\xff" * 40])
def test_a_file_without_a_usable_secret_is_refused_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "authapi.secret"
    write(path, content)
    assert "holds no usable secret" in refusal(settings_in(tmp_path))
    assert path.read_bytes() == content


def test_a_folder_that_is_not_there_is_told_in_a_sentence(tmp_path: Path) -> None:
    assert "No such file or directory" in refusal(settings_in(tmp_path / "missing"))


def test_postgresql_needs_a_secret_of_its_own() -> None:
    settings = Settings(_env_file=None, database_url="postgresql://u:hunter2@localhost/authapi")
    sentence = refusal(settings)
    assert 'python -c "import secrets; print(secrets.token_urlsafe(32))"' in sentence
    assert "hunter2" not in sentence


def test_the_secret_is_never_the_database_itself() -> None:
    settings = Settings(_env_file=None, database_url="sqlite:///./a.secret")
    with pytest.raises(CommandError, match="rename"):
        secret_path(settings)
