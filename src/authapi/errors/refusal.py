"""What every refusal is."""

from collections.abc import Iterator, Mapping


class Refusal(Exception):
    """A request that is answered with `status` and the one error body."""

    status = 400
    code = "invalid_request"
    description = "The request can't be served."
    headers: Mapping[str, str] = {}
    members: Mapping[str, object] = {}  # of the body, beside the two

    def __init__(self, description: str | None = None) -> None:
        super().__init__(description or self.description)
        self.description = description or self.description

    @classmethod
    def names(cls) -> Iterator[str]:
        """Yield the names of all classes below this one."""
        for below in cls.__subclasses__():
            yield below.__name__
            yield from below.names()
