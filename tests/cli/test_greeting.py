"""What `authapi serve` says on a terminal."""

import pytest

from authapi.cli.serve import _greet
from authapi.config import load_settings
from authapi.config.secret_file import load_or_create


def greeting(capsys: pytest.CaptureFixture[str], port: int, **settings: object) -> str:
    _greet(load_or_create(load_settings(**settings)), "127.0.0.1", port)
    return capsys.readouterr().err


def test_it_shows_where_to_open_it(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    shown = greeting(capsys, 8000)
    assert "listens on http://127.0.0.1:8000\n" in shown
    assert "  public    http://localhost:8000\n" in shown
    assert "  docs      http://localhost:8000/docs\n" in shown
    assert "set AUTHAPI_PUBLIC_URL" not in shown


def test_it_says_that_the_url_has_another_port(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = greeting(capsys, 8001)
    assert "set AUTHAPI_PUBLIC_URL=http://localhost:8001\n" in shown
    assert "  docs      http://127.0.0.1:8001/docs\n" in shown
    behind_a_proxy = greeting(capsys, 8001, public_url="https://auth.example")
    assert "set AUTHAPI_PUBLIC_URL" not in behind_a_proxy
    assert "  docs      https://auth.example/docs\n" in behind_a_proxy


def test_it_shows_no_docs_that_are_switched_off(
    tmp_path: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "docs" not in greeting(capsys, 8000, docs=False, mail_dir="mail")
