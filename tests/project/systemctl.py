"""A stand-in for systemctl: it runs what the units of $MACHINE/etc/systemd/system say.

It knows ExecStartPre, ExecStart, WorkingDirectory, Environment, LoadCredential, %i and %d.
"""

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

MACHINE = Path(os.environ["MACHINE"])
UNITS = MACHINE / "etc/systemd/system"
TIMEOUT = 60.0  # seconds


def main(verb: str, *words: str) -> None:
    units = [word.removesuffix(".service") for word in words if not word.startswith("-")]
    with (MACHINE / "done").open("a", encoding="utf-8") as done:
        print("systemctl", verb, *words, file=done)
    for unit in units:
        if unit == "nginx":
            serve_by_nginx(verb)
            continue
        if verb in ("stop", "restart", "disable"):
            stop(unit)
        if verb in ("start", "restart", "enable"):
            start(unit)


def start(unit: str) -> None:
    template, at, instance = unit.partition("@")
    credentials = MACHINE / "run" / f"credentials-{unit}"
    credentials.mkdir(exist_ok=True)
    text = (UNITS / f"{template}{at}.service").read_text(encoding="utf-8")
    text = text.replace("%i", instance).replace("%d", str(credentials))
    lines = [line.partition("=")[::2] for line in text.splitlines() if not line.startswith("#")]
    for name, value in lines:
        if name == "LoadCredential":
            credential, _, path = value.partition(":")
            (credentials / credential).write_bytes(Path(path).read_bytes())
    folder = next(value for name, value in lines if name == "WorkingDirectory")
    env = os.environ | dict(value.split("=", 1) for name, value in lines if name == "Environment")
    log = (MACHINE / "run" / f"{unit}.log").open("ab")
    for name, value in lines:
        if name == "ExecStartPre":
            subprocess.run(
                shlex.split(value), cwd=folder, env=env, stdout=log, stderr=log, check=True
            )
    command = shlex.split(next(value for name, value in lines if name == "ExecStart"))
    running = subprocess.Popen(
        command, cwd=folder, env=env, stdout=log, stderr=log, start_new_session=True
    )
    pid_file(unit).write_text(str(running.pid))


def stop(unit: str) -> None:
    if not pid_file(unit).exists():
        return
    pid = int(pid_file(unit).read_text())
    os.kill(pid, signal.SIGTERM)
    deadline = monotonic() + TIMEOUT
    while is_running(pid):
        if monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
        sleep(0.02)
    pid_file(unit).unlink()


def pid_file(unit: str) -> Path:
    return MACHINE / "run" / f"{unit}.pid"


def is_running(pid: int) -> bool:
    """Return whether it runs. A process whose parent is gone may stay as a zombie for ever."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def serve_by_nginx(verb: str) -> None:
    """Reload nginx, or start it: Debian has it running since its installation."""
    pid = MACHINE / "etc/nginx/nginx.pid"  # `nginx -t` leaves an empty one
    is_there = pid.exists() and bool(pid.read_text())
    if verb == "reload":
        subprocess.run(["nginx", *(["-s", "reload"] if is_there else [])], check=True)
    elif is_there:
        subprocess.run(["nginx", "-s", "stop"], check=True)


main(*sys.argv[1:])
