"""What a signature costs by each algorithm."""

import json
import subprocess
import sys

from benchmarks.growth.drawing import bars
from benchmarks.growth.section import Section
from benchmarks.harness.cores import on_core
from benchmarks.harness.processes import ROOT
from benchmarks.harness.rounds import Ratio, ratio
from benchmarks.harness.stage import Stage

DEFAULT = "ES256"
HEAD = (
    "algorithm",
    "signing, of ES256's",
    "verifying a token first seen, of ES256's",
    "here: sign / verify, µs",
    "token, bytes",
)


def algorithms(stage: Stage) -> Section:
    """Measured by apps/algorithms.py, alone on the measured core."""
    command = [sys.executable, "-m", "benchmarks.apps.algorithms", str(stage.rounds)]
    with on_core(stage.cores.server):
        done = subprocess.run(  # noqa: S603 - our own command
            command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
        )
    told = json.loads(done.stdout)
    signing = {name: ratio(one["sign"], told[DEFAULT]["sign"]) for name, one in told.items()}
    verifying = {name: ratio(one["verify"], told[DEFAULT]["verify"]) for name, one in told.items()}
    lines = [
        (
            f"`{name}`",
            str(signing[name]),
            str(verifying[name]),
            f"{Ratio(one['sign']).median * 1e6:.0f} / {Ratio(one['verify']).median * 1e6:.0f}",
            str(one["bytes"]),
        )
        for name, one in told.items()
    ]
    both = {f"{name}, sign": one for name, one in signing.items()}
    both |= {f"{name}, verify": one for name, one in verifying.items()}
    title = "Time by algorithm, of ES256's"
    return Section("algorithms", "Algorithms", HEAD, lines, bars(title, both))
