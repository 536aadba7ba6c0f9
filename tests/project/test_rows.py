"""The tests' own tables: no row that fails is lost, and none hides those after it."""

from collections.abc import Callable

import pytest

from tests.support.rows import every_row


def failure_of(numbers: list[int], check: Callable[[int], object]) -> str:
    with pytest.raises(pytest.fail.Exception) as failure:
        run(numbers, check)
    return str(failure.value)


def run(numbers: list[int], check: Callable[[int], object]) -> None:
    with every_row() as row:
        for number in numbers:
            with row(f"row {number}"):
                check(number)


def test_each_row_that_fails_is_named() -> None:
    said = failure_of([1, 0, 2, 0], lambda number: 1 / number)
    assert said.count("ZeroDivisionError") == said.count("'row 0'") == 2
    assert "'row 1'" not in said
    assert said.endswith("2 of 4 rows failed")


def test_a_row_that_should_have_raised_has_failed() -> None:
    assert "'row 1'" in failure_of([1], lambda _: pytest.fail("DID NOT RAISE"))


def test_a_table_in_which_no_row_fails_passes() -> None:
    run([1, 2], lambda number: 1 / number)


def test_a_table_without_rows_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="the table is empty"):
        run([], str)
