"""Why a mail was not taken."""


class DeliveryError(Exception):
    """The mail was not taken; a later try may succeed. `str()` is fit for the log."""


class RefusedMailError(DeliveryError):
    """The mail was refused for good (5xx)."""
