"""The verifier's log. A handler of the host program that raises changes no answer."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any


class Log(logging.LoggerAdapter[logging.Logger]):
    def log(
        self,
        level: int,
        msg: object,
        *args: object,
        stacklevel: int = 1,
        **more: Any,  # noqa: ANN401
    ) -> None:
        """Log for the caller of `info` or `warning`. Raises nothing."""
        with suppress(Exception):
            super().log(level, msg, *args, stacklevel=stacklevel + 1, **more)


NO_FIELDS: Mapping[str, object] = {}
log = Log(logging.getLogger("authapi.verifier"), NO_FIELDS)
