"""Two machines behind a proxy, and a third with PostgreSQL, in networks that the test has laid.

HAProxy asks /readyz, and sends requests to a machine that is ready. nginx asks nothing: a client
gets 503 from a machine that is cut off, and comes again.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.faults.systems.conftest import SBIN, Workers, needs_root
from tests.faults.systems.load import PATIENCE_SECONDS, Load
from tests.support.cluster import Cluster
from tests.support.network import BACK, FRONT, Network, inside
from tests.support.server import Program
from tests.support.until import until

pytestmark = needs_root

PROXY_PORT = 8080
# A poll is a second, and an attempt that hangs takes 1.4 s more. Without a poll a token is good for
# 15 minutes.
NEXT_POLL_SECONDS = 45.0

HAPROXY = """
defaults
  mode http
  timeout connect 2s
  timeout client 20s
  timeout server 20s
  option redispatch
  retries 3
frontend all
  bind 127.0.0.1:{port}
  default_backend authapi
backend authapi
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter 300ms fall 2 rise 1
{servers}
"""
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream authapi {{ {servers} }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://authapi;
      proxy_connect_timeout 2s;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }}
  }}
}}
"""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network.laid() as network:
        yield network


@pytest.fixture(scope="module")
def cluster(network: Network) -> Iterator[Cluster]:
    with inside(network.database), Cluster.running(host=BACK.format(1), port=5432) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def machines(
    network: Network, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[int, Workers]]:
    """Yield a server on each machine."""
    options = ("--host", "0.0.0.0")
    with ExitStack() as stack:
        running = dict[int, Workers]()
        for number, name in network.machines.items():
            folder = tmp_path_factory.mktemp("machine")
            server = Workers(folder, cluster.url, *options, allow_insecure_stores=True)
            with inside(name):
                running[number] = stack.enter_context(server)
        yield running


@pytest.fixture(params=["haproxy", "nginx"])
def load(
    request: pytest.FixtureRequest,
    network: Network,
    machines: dict[int, Workers],
    tmp_path: Path,
) -> Iterator[Load]:
    """Yield clients of a proxy. After the test all go on, and nothing is lost."""
    program = shutil.which(request.param, path=SBIN)
    if program is None:
        pytest.skip(f"there is no {request.param} here: apt-get install {request.param}")
    places = [f"{FRONT.format(number)}:{machine.port}" for number, machine in machines.items()]
    if request.param == "haproxy":
        lines = [f"  server m{number} {place}" for number, place in enumerate(places)]
        written = HAPROXY.format(port=PROXY_PORT, servers="\n".join(lines))
        command = [program, "-db", "-f", str(tmp_path / "proxy.conf")]
    else:
        lines = [f"server {place};" for place in places]
        written = NGINX.format(port=PROXY_PORT, servers=" ".join(lines), folder=tmp_path)
        command = [program, "-p", str(tmp_path), "-c", str(tmp_path / "proxy.conf")]
    (tmp_path / "proxy.conf").write_text(written)
    proxy = Program(command, tmp_path, os.environ, PROXY_PORT)
    with inside(network.proxy), proxy:
        place = partial(inside, network.proxy)
        with Load(proxy.base_url, place=place, gateway=True).running() as load:
            yield load
            load.goes_on()
        load.assert_sound()


def asked(machines: dict[int, Workers], number: int, path: str, token: str = "") -> int:
    """Return a machine's own answer, asked from where the proxy is."""
    url = f"http://{FRONT.format(number)}:{machines[number].port}{path}"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.get(url, headers=headers, trust_env=False, timeout=30).status_code


def test_a_log_out_at_one_machine_is_known_to_the_other(
    load: Load, machines: dict[int, Workers]
) -> None:
    with load.client() as client:
        pair = load.log_in(client)
        token = pair["access_token"]
        assert [asked(machines, number, "/verify", token) for number in machines] == [204, 204]
        load.log_out(client, pair)
    until(
        lambda: [asked(machines, number, "/verify", token) for number in machines] == [401, 401],
        seconds=NEXT_POLL_SECONDS,
        every=0.02,
    )


def test_a_machine_that_is_cut_off_from_the_database_verifies_on_and_comes_back(
    load: Load, network: Network, machines: dict[int, Workers]
) -> None:
    with load.client() as client:
        kept, ended = load.log_in(client), load.log_in(client)
        with machines[2].untouched(), machines[3].untouched():
            with network.cut(2):
                until(
                    lambda: asked(machines, 2, "/readyz") == 503,
                    seconds=PATIENCE_SECONDS,
                    every=0.1,
                )
                assert asked(machines, 2, "/verify", kept["access_token"]) == 204
                load.log_out(client, ended)  # at the other one, sooner or later
                assert asked(machines, 3, "/verify", ended["access_token"]) == 401
                load.goes_on()
            until(lambda: asked(machines, 2, "/readyz") == 200, seconds=PATIENCE_SECONDS, every=0.1)
        # Ready is a machine whose database answers. Its next poll may be still to come.
        until(
            lambda: asked(machines, 2, "/verify", ended["access_token"]) == 401,
            seconds=NEXT_POLL_SECONDS,
            every=0.05,
        )
        assert asked(machines, 2, "/verify", kept["access_token"]) == 204


def test_a_machine_that_dies_is_missed_by_nobody(
    load: Load, network: Network, machines: dict[int, Workers]
) -> None:
    machines[2].kill()
    try:
        load.goes_on()
    finally:
        with inside(network.machines[2]):
            machines[2].start()
