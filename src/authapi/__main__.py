"""What `authapi`, and `python -m authapi`, start with."""

import gc


def main() -> None:
    """Run the command (authapi.cli.commands.main).

    What an import makes stays: looking for garbage in it takes a sixth of every start. `serve`
    looks again once it has its application; all other commands end before it would pay.
    """
    gc.disable()
    from authapi.cli import commands

    commands.main()


if __name__ == "__main__":
    main()
