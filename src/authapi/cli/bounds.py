"""What `authapi serve` allows a client on a socket, as far as an operator may choose it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """The defaults are those of `authapi serve`. docs/operations.md says which proxy needs more."""

    keep_alive_seconds: int = 75
    head_kib: int = 64
    # Of a head and its trailers. Each costs a microsecond and 180 bytes, however short it is.
    head_fields: int = 200
    head_seconds: int = 10
    body_seconds: int = 20  # of silence

    @property
    def head_bytes(self) -> int:
        return self.head_kib * 1024
