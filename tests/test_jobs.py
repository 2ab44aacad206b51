"""Independent jobs: the same results in the same order, however many processes share them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from forecast_cli.jobs import run_jobs


def square(number: int) -> int:
    """A job."""
    return number * number


def slow_first(number: int) -> int:
    """A job that takes longer the earlier it comes."""
    time.sleep(0.3 if number == 0 else 0)
    return number


def process_id(_: int) -> int:
    """Where a job ran."""
    return os.getpid()


def refuse(number: int) -> int:
    """A job that fails on 2."""
    if number == 2:
        raise ValueError("job 2 cannot be done")
    return number


@pytest.mark.parametrize("n_processes", [1, 2])
def test_results_do_not_depend_on_the_number_of_processes(n_processes: int) -> None:
    """Every job once, in order, wherever it ran."""
    made = list(run_jobs(square, range(5), n_processes=n_processes))
    assert made == [0, 1, 4, 9, 16]


def test_results_come_in_the_order_of_the_jobs() -> None:
    """A slow first job does not fall behind quick later ones."""
    assert list(run_jobs(slow_first, range(4), n_processes=2)) == [0, 1, 2, 3]


def test_one_process_is_this_one() -> None:
    """With one process nothing is started."""
    assert set(run_jobs(process_id, range(3), n_processes=1)) == {os.getpid()}


def test_more_processes_are_others() -> None:
    """With more, this process only waits."""
    assert os.getpid() not in set(run_jobs(process_id, range(4), n_processes=2))


def test_one_process_takes_jobs_one_by_one() -> None:
    """A result is there before the next job is made, so that progress can be shown."""
    made = []

    def jobs() -> Iterator[int]:
        for number in range(3):
            made.append(number)
            yield number

    results = run_jobs(square, jobs(), n_processes=1)
    assert next(results) == 0
    assert made == [0]


@pytest.mark.parametrize("n_processes", [1, 2])
def test_an_error_reaches_the_caller(n_processes: int) -> None:
    """Results before the failed job arrive; then its error does, not a silent gap."""
    results = run_jobs(refuse, range(4), n_processes=n_processes)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="job 2 cannot be done"):
        next(results)


@pytest.mark.parametrize("n_processes", [1, 2])
def test_no_jobs_no_results(n_processes: int) -> None:
    """Nothing to do is no error."""
    assert list(run_jobs(square, [], n_processes=n_processes)) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_does_not_wait_for_its_jobs(number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM end parent and workers at once, though each has a minute to go."""
    program = (
        "import signal, sys, time\n"
        "from forecast_cli.jobs import run_jobs\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "print('started', flush=True)\n"
        "list(run_jobs(time.sleep, [0.01, 60, 60], n_processes=2))\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        time.sleep(1.5)
        process.send_signal(number)
        process.communicate(timeout=20)
    # a process that is left behind would hold stdout open and make communicate() wait for it
    assert process.returncode in {143, -signal.SIGINT}
