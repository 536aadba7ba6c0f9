"""Tables in one test: for rows so cheap that a parameter of pytest costs more."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from traceback import format_exception

import pytest

Row = Callable[[str], AbstractContextManager[None]]
SHOWN_IN_FULL = 5


@contextmanager
def every_row() -> Iterator[Row]:
    """Yield `row`: run `with row(name): ...` for each, and the test fails naming every bad row.

    with every_row() as row:
        for name, token in TOKENS.items():
            with row(name):
                assert is_refused(token)
    """
    failures: list[str] = []
    count = 0

    @contextmanager
    def row(name: str) -> Iterator[None]:
        nonlocal count
        count += 1
        try:
            yield
        # pytest.raises says by an exception of its own, no Exception, that nothing was raised.
        except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - told below
            details = "".join(format_exception(error)) if len(failures) < SHOWN_IN_FULL else ""
            failures.append(f"{details}-- the row {name!r}")

    yield row
    assert count, "the table is empty"
    if failures:
        told = "\n".join([*failures, f"{len(failures)} of {count} rows failed"])
        pytest.fail(told, pytrace=False)
