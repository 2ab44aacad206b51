"""Threads: the order of the items, whatever the order in which work ends."""

import threading
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast_cli.threads import in_order, warnings_ignored


@given(st.lists(st.integers(0, 5), max_size=60))
def test_results_come_in_the_order_of_the_items(items: list[int]) -> None:
    """As `map`, for any number of items."""
    assert list(in_order(lambda item: item * 2, items)) == [item * 2 for item in items]


def test_items_of_one_key_never_overlap() -> None:
    """They are worked on one after another, in their order."""
    seen: dict[str, list[int]] = defaultdict(list)
    busy: set[str] = set()

    def work(item: tuple[str, int]) -> None:
        key, number = item
        assert key not in busy
        busy.add(key)
        time.sleep(0.0005)
        seen[key].append(number)
        busy.remove(key)

    items = [("abc"[number % 3], number) for number in range(60)]
    list(in_order(work, items, key=lambda item: item[0]))
    assert seen == {key: list(range(i, 60, 3)) for i, key in enumerate("abc")}


def test_two_threads_work_at_once() -> None:
    """The second item begins before the first one ends."""
    meeting = threading.Barrier(2, timeout=10)
    assert sorted(in_order(lambda _: meeting.wait(), range(2))) == [0, 1]


def test_an_exception_comes_out_at_its_turn() -> None:
    """The results before it are delivered."""

    def work(item: int) -> int:
        if item == 2:
            raise ValueError(item)
        return item

    results = in_order(work, range(9))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(results)


def test_few_items_are_under_way() -> None:
    """A long source is not read far ahead of what is done with it."""
    taken: list[int] = []

    def source() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    results = in_order(lambda item: item, source())
    next(results)
    assert len(taken) < 20


def test_an_interrupted_run_begins_nothing_more() -> None:
    """Who stops early leaves no thread behind and no item half done."""
    begun: list[int] = []
    ended: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.002)
        ended.append(item)
        return item

    before = threading.active_count()

    def source() -> Iterator[int]:
        yield from range(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(in_order(work, source()))
    assert sorted(begun) == sorted(ended)
    assert len(begun) < 10
    assert threading.active_count() == before


def test_silence_in_one_thread_is_not_broken_by_another() -> None:
    """Two threads that silence libraries take turns, and leave the filters as they were."""
    before = list(warnings.filters)

    def noisy(_: int) -> None:
        with warnings_ignored():
            time.sleep(0.001)
            warnings.warn("a library's", DeprecationWarning, stacklevel=1)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(noisy, range(100)))
    assert list(warnings.filters) == before
