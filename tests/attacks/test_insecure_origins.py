"""A page that came over http is anybody's on the way, and may not act with a user's cookies.

The kind: a peer that is believed although nothing proves who it is. authapi's own public URL and
the origins whose pages may call it are https, but for this machine.
"""

import pytest

from authapi.config import load_settings
from authapi.errors import CommandError

INSECURE = (
    *(
        "http://app.example",
        "http://10.0.0.7",
        "http://192.0.2.1:8000",
        "http://localhost.evil.test",
    ),
    *("http://[2001:db8::1]", "http://127.0.0.1.evil.test", "http://app.internal:5173"),
)
LOCAL = (
    *("http://localhost:5173", "http://127.0.0.1:3000", "http://[::1]:3000"),
    "http://app.localhost:3000",
)


@pytest.mark.parametrize("origin", INSECURE)
@pytest.mark.parametrize("public_url", ["https://auth.example", "http://localhost:8000"])
def test_an_http_origin_of_another_machine_stops_the_start(origin: str, public_url: str) -> None:
    with pytest.raises(CommandError, match=r"^AUTHAPI_CORS_ORIGINS takes https origins"):
        load_settings(public_url=public_url, cors_origins=f"https://app.example,{origin}")


def test_no_setting_makes_an_http_origin_safe() -> None:
    with pytest.raises(CommandError, match=r"^AUTHAPI_CORS_ORIGINS "):
        load_settings(
            public_url="http://auth.example",
            allow_insecure_http=True,
            cors_origins="http://app.example",
        )


@pytest.mark.parametrize("origin", LOCAL)
def test_a_page_of_this_machine_may_come_over_http(origin: str) -> None:
    assert load_settings(cors_origins=origin).cors_origins == (origin,)
