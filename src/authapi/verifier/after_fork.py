"""Begin anew in a forked process, which has its parent's sockets and locks, but no threads."""

import os
from collections.abc import Callable
from weakref import WeakMethod

_begin_anew: list[WeakMethod[Callable[[], None]]] = []


def call_now_and_in_children(begin_anew: Callable[[], None]) -> None:
    """Call the bound method, now and in each fork of this process while its object lives."""
    begin_anew()
    _begin_anew[:] = [method for method in _begin_anew if method() is not None]
    _begin_anew.append(WeakMethod(begin_anew))


def _in_child() -> None:
    for method in _begin_anew:
        if begin_anew := method():
            begin_anew()


if hasattr(os, "register_at_fork"):  # not on Windows, which cannot fork
    os.register_at_fork(after_in_child=_in_child)
