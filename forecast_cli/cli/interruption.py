"""Ctrl-C ends the program within a second, also while a library computes and heeds no signal.

Python hears of a signal between two of its own steps, and an epoch of a large network is one step
of many seconds. The signal itself arrives at once, and with it a byte in a pipe; a thread reads it.
"""

import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Final

from forecast_cli.errors import INTERRUPTED, TERMINATED

_CODES: Final[dict[int, int]] = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
_PATIENCE_S: Final = 0.8
_STDERR: Final = 2
_SAID: Final = (
    b"interrupted in the middle of a computation; what was finished before it is stored\n"
)


@contextlib.contextmanager
def ended_in_time() -> Iterator[None]:
    """End within a second of SIGINT or SIGTERM; at a second one at once.

    What is written is written to the end or not at all, so that this is as safe as a kill.
    """
    reads, writes = os.pipe()
    os.set_blocking(writes, False)
    before = signal.set_wakeup_fd(writes, warn_on_full_buffer=False)
    heard = threading.Event()
    threading.Thread(target=_watch, args=(reads, heard), daemon=True).start()
    try:
        yield
    finally:
        if not heard.is_set():
            signal.set_wakeup_fd(before)
            os.close(writes)  # which ends the thread


def _watch(reads: int, heard: threading.Event) -> None:
    code = None
    while code is None:
        number = os.read(reads, 1)
        if not number:
            os.close(reads)
            return
        code = _CODES.get(number[0])
    heard.set()
    # Python acts on it now; whatever keeps it from doing so has this long, or until the next signal
    select.select([reads], [], [], _PATIENCE_S)
    with contextlib.suppress(OSError):
        os.write(_STDERR, _SAID)
    if "multiprocessing" in sys.modules:
        from multiprocessing import active_children

        for child in active_children():
            child.kill()
    os._exit(code)
