"""The entry of `authapi` and of `python -m authapi`."""

import gc


def main() -> None:
    """Run the command (authapi.cli.commands.main).

    Without the garbage collector: imports leave no garbage, and looking for it takes a sixth of
    every start. `serve` turns it on again once it has its application.
    """
    gc.disable()
    from authapi.cli import commands

    commands.main()


if __name__ == "__main__":
    main()
