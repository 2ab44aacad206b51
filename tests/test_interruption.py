"""Ctrl-C and SIGTERM end the program within a second, whatever it is in the middle of."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT

DEAF = """
import hashlib, sys
import forecast_cli.features.indicators as indicators
from forecast_cli.__main__ import main

def deaf():
    print("now", flush=True)
    # many seconds in C without the interpreter's lock, as a compiled epoch is
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 60_000_000)

indicators.listed = deaf
sys.argv = ["forecast", "features"]
main()
"""


def _interrupted(*signals: int) -> tuple[int, float, str]:
    """Exit code, seconds from the first signal to the end, and stderr."""
    with subprocess.Popen(
        [sys.executable, "-c", DEAF],
        env={"PATH": os.environ["PATH"]},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "now\n"
        time.sleep(0.1)
        started = time.monotonic()
        for number in signals:
            process.send_signal(number)
            time.sleep(0.05)
        code = process.wait(timeout=20)
        return code, time.monotonic() - started, process.stderr.read()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_deaf_computation_is_ended(number: int, code: int) -> None:
    """A library that heeds no signal has less than a second, and one sentence says what stands."""
    found, seconds, said = _interrupted(number)
    assert found == code
    assert seconds < 1.5
    assert "what was finished before it is stored" in said


def test_a_second_signal_ends_it_at_once() -> None:
    """Whoever presses Ctrl-C twice waits no longer."""
    code, seconds, _ = _interrupted(signal.SIGINT, signal.SIGINT)
    assert code == 130
    assert seconds < 0.7
