"""What both commands share."""

import argparse
import logging
import signal
import sys

import structlog


def add_lengths(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--seconds", type=int, default=2, help="how long a round of an arm takes")
    parser.add_argument("--rounds", type=int, default=5, help="how many rounds of each arm")
    return parser


def prepare() -> None:
    """Stop in order on SIGTERM too; and say nothing of each signing key that is made."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
