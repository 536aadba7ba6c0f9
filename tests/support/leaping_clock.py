"""The clock of one process, set by a test: Debian's libfaketime between it and the kernel."""

from pathlib import Path

import pytest

PLACES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

needs_faketime = pytest.mark.skipif(
    not PLACES, reason="there is no libfaketime here: apt-get install faketime"
)


class LeapingClock:
    """Only the wall clock leaps. The monotonic one goes on, as on a machine whose clock is set."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        self.set(0)

    def set(self, seconds: float) -> None:
        """Let the clock be so many seconds ahead. The process notices within a second."""
        written = self._file.with_suffix(".new")
        written.write_text(f"{seconds:+f}\n")
        written.rename(self._file)  # never seen half-written

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(PLACES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }
