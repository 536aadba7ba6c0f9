"""What only the operator can mend. No client is told."""


class OperatorError(Exception):
    """A state that only the operator can mend. The sentence says how, and no client is told."""


class CommandError(OperatorError):
    """A command or a setting that makes no sense: exit status 1 and one sentence."""
