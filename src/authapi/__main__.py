"""The entry of `authapi` and of `python -m authapi`."""

import gc
import os


def main() -> None:
    """Run the command (authapi.cli.commands.main).

    Without the garbage collector: imports leave no garbage, and looking for it takes a sixth of
    every start. `serve` turns it on again once it has its application.
    """
    _occupy_standard_streams()
    gc.disable()
    from authapi.cli import commands

    commands.main()


def _occupy_standard_streams() -> None:
    """Open those that the caller closed (`2>&-`), or a database's file would take their number."""
    while (opened := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(opened, True)  # noqa: FBT003 - positional only
    os.close(opened)


if __name__ == "__main__":
    main()
