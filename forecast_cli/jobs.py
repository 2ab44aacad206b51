"""Independent jobs, one after another or over processes, with the same results."""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(
    function: Callable[[Job], Result], jobs: Iterable[Job], *, n_processes: int
) -> Iterator[Result]:
    """Apply a function to each job; results come in the order of the jobs.

    With one process the jobs run here. With more, each starts from a clean interpreter: a fork of a
    process that runs TensorFlow threads may hang.
    """
    if n_processes == 1:
        yield from map(function, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=n_processes, mp_context=context) as pool:
        yield from pool.map(function, jobs)
