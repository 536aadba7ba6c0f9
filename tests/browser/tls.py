"""Sites over https: nginx with a certificate that is thrown away, and two authapis behind it.

  https://auth.test    the SPA, and below /auth an authapi with the default cookies
  https://open.test    below /auth one with COOKIE_SAMESITE=none, for the page of spa.test
  https://spa.test     an empty page of another site, which both authapis name in CORS_ORIGINS
  any other name       an empty page that nobody names

To a browser each name under .test is a site of its own; all of them are this machine.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.browser.processes import authapi, running
from tests.project.tree import ROOT
from tests.support.certificates import write_certificate
from tests.support.server import Program, free_port

NGINX = """
{user}
worker_processes 1;
pid nginx.pid;
error_log stderr warn;
events {{}}

http {{
  access_log off;
  include /etc/nginx/mime.types;
  client_body_temp_path body;
  proxy_temp_path proxy;
  ssl_certificate certificate.pem;
  ssl_certificate_key certificate.key;
  proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;

  server {{
    listen 127.0.0.1:{port} ssl default_server;
    default_type text/html;
    location / {{ return 200 '<!doctype html><title>blank</title>'; }}
  }}
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name auth.test;
    root {page};
    location /auth/ {{ proxy_pass http://127.0.0.1:{auth}/; }}
  }}
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name open.test;
    location /auth/ {{ proxy_pass http://127.0.0.1:{open}/; }}
  }}
  server {{
    listen 127.0.0.1:{plain};
    return 204;
  }}
}}
"""


@dataclass(frozen=True)
class Sites:
    """`auth` and `open` are the ports of the authapis themselves, without TLS."""

    port: int
    auth: int
    open: int

    def url(self, name: str) -> str:
        return f"https://{name}.test:{self.port}"


@contextmanager
def sites(folder: Path) -> Iterator[Sites]:
    """All of them, until the end; everything they write is in `folder`."""
    plain = free_port()  # where nginx says that it is there
    found = Sites(free_port(), free_port(), free_port())
    write_certificate(folder, "*.test", "certificate")
    configuration = NGINX.format(
        user="user root;" if os.getuid() == 0 else "",  # its worker reads the page from the clone
        page=ROOT / "examples" / "spa" / "static",
        plain=plain,
        **vars(found),
    )
    (folder / "nginx.conf").write_text(configuration, encoding="utf-8")
    nginx = ["/usr/sbin/nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    with (
        served(folder, found, "auth"),
        served(folder, found, "open", cookie_samesite="none"),
        running([*nginx, "-g", "daemon off;"], folder, plain),
    ):
        yield found


def served(folder: Path, found: Sites, name: str, **settings: object) -> Program:
    """Return the authapi of a site, in a folder of its own."""
    (folder / name).mkdir()
    settings |= {
        "public_url": f"{found.url(name)}/auth",
        "cors_origins": found.url("spa"),
        "trusted_proxies": "127.0.0.1",
        "refresh_overlap_cookie": 1,
    }
    return authapi(folder / name, getattr(found, name), **settings)
