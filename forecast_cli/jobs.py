"""Independent jobs, one after another or over processes, with the same results."""

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import forkserver
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def make_ready(*modules: str) -> None:
    """Begin to load modules in a clean process beside this one, for jobs `from_ready` processes."""
    forkserver.set_forkserver_preload(list(modules))
    forkserver.ensure_running()


def run_jobs(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    *,
    n_processes: int,
    from_ready: bool = False,
) -> Iterator[Result]:
    """Apply a function to each job; results come in the order of the jobs.

    With one process the jobs run here. With more, each starts from a clean interpreter: a fork of a
    process that runs TensorFlow threads may hang. from_ready: each is a copy of the clean process
    that `make_ready` has loaded, with its settings of that time. When this process is interrupted,
    the others end at once.
    """
    if n_processes == 1:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("forkserver" if from_ready else "spawn")
    with ProcessPoolExecutor(n_processes, mp_context=context, initializer=_leave_to_parent) as pool:
        try:
            yield from pool.map(function, jobs)
        except BaseException:
            # leaving the pool would wait for jobs that nobody wants any more
            pool.shutdown(wait=False, cancel_futures=True)
            for child in multiprocessing.active_children():
                child.terminate()
            raise


def _leave_to_parent() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent answers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
