"""Work that waits for files or runs outside the interpreter, done in threads, in a fixed order."""

import contextlib
import warnings
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import RLock
from typing import Final, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_IN_FLIGHT: Final = 16
"""Items under way at once: enough to keep the threads busy, few enough to stay small."""


_filters = RLock()


@contextlib.contextmanager
def warnings_ignored() -> Iterator[None]:
    """Silence the warnings of a library that our user can do nothing about.

    Python keeps one list of filters for all threads, and whoever puts back an old one puts it back
    for all: so they take turns.
    """
    with _filters, warnings.catch_warnings(action="ignore"):
        yield


def in_order(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    key: Callable[[Item], Hashable] | None = None,
    n_threads: int = 2,
) -> Iterator[Result]:
    """The results of a function, in the order of the items, from some threads.

    Items of the same key are worked on one after another, in their order. An exception comes out
    at its item's turn; then, and when the caller stops early or is interrupted, what is running is
    finished and nothing more is begun.
    """
    lanes = [ThreadPoolExecutor(1) for _ in range(n_threads)]
    lane_of: dict[Hashable, ThreadPoolExecutor] = {}
    waiting: deque[Future[Result]] = deque()
    try:
        for number, item in enumerate(items):
            free = lanes[number % n_threads]
            lane = lane_of.setdefault(key(item), free) if key else free
            waiting.append(lane.submit(function, item))
            if len(waiting) > _IN_FLIGHT:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for lane in lanes:
            lane.shutdown(cancel_futures=True)
