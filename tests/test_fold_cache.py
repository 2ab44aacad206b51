"""A fold that was forecast once is not forecast again, and nothing out of date is ever taken."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import random_walk_bars
from test_walk_forward import same

from forecast_cli.evaluation.fold_cache import FoldCache, fold_key
from forecast_cli.evaluation.folds import Fold, FoldPlan, cut_folds
from forecast_cli.evaluation.walk_forward import Candidate, walk_and_measure, walk_forward
from forecast_cli.features.dataset import build_windows
from forecast_cli.features.windows import Windows
from forecast_cli.forecasts import Forecasts
from forecast_cli.models.baselines import EwmaHistory

FEATURES = ("return", "volatility")


def _windows(n_bars: int, names: tuple[str, ...] = ("AAA",)) -> Windows:
    series = [random_walk_bars(name, n_bars, seed=seed) for seed, name in enumerate(names)]
    return build_windows(series, horizons=(1, 5), lookback=3, features=FEATURES)


def _folds(n_bars: int = 900, names: tuple[str, ...] = ("AAA",)) -> list[Fold]:
    windows = _windows(n_bars, names)
    plan = FoldPlan(test_start=np.sort(windows.cutoffs)[400 * len(names)], refit_every=100)
    return list(cut_folds(windows, plan))


class Counting(EwmaHistory):
    """Counts its fits, and fails at one of them where it is told to."""

    fits = 0
    fails_at = -1

    def fit(self, train: Windows, validation: Windows) -> None:
        """Learn, or stop as a killed process does."""
        if Counting.fits == Counting.fails_at:
            raise KeyboardInterrupt
        Counting.fits += 1
        super().fit(train, validation)


@pytest.fixture(autouse=True)
def _count_from_zero() -> None:
    Counting.fits, Counting.fails_at = 0, -1


CANDIDATE = Candidate(name="counting", make=Counting, identity="counting", calibration="adaptive")


def test_a_second_walk_fits_nothing_and_says_the_same(tmp_path: Path) -> None:
    """Bit by bit, and the same as without a cache."""
    folds = _folds()
    first = walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path))
    assert Counting.fits == len(folds) == 4
    second = walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path))
    assert Counting.fits == 4
    assert same(first, second)
    assert same(first, walk_forward(CANDIDATE, folds))
    measured = walk_and_measure(CANDIDATE, folds, cache=FoldCache(tmp_path))
    assert measured.crps.shape == (len(first), 2)
    assert Counting.fits == 8


def test_a_stopped_walk_goes_on(tmp_path: Path) -> None:
    """Two folds were finished: two are left to fit, and the whole is as if never stopped."""
    folds = _folds()
    Counting.fails_at = 2
    with pytest.raises(KeyboardInterrupt):
        walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path))
    Counting.fits, Counting.fails_at = 0, -1
    made = walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path))
    assert Counting.fits == 2
    assert same(made, walk_forward(CANDIDATE, folds))


def test_anew_fits_again_and_keeps_the_outcome(tmp_path: Path) -> None:
    """`--no-cache` reads nothing; what it finds serves the next run."""
    folds = _folds()
    walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path))
    walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path, anew=True))
    assert Counting.fits == 8
    walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path))
    assert Counting.fits == 8


def test_a_candidate_without_identity_is_not_kept(tmp_path: Path) -> None:
    """The naive rows are quicker to compute than to read."""
    walk_forward(replace(CANDIDATE, identity=None), _folds(), cache=FoldCache(tmp_path))
    assert not list(tmp_path.iterdir())


def test_later_bars_and_other_symbols_change_no_key() -> None:
    """A new day, or a symbol that trains nothing here, leaves finished folds finished."""
    before, after = _folds(900), _folds(950)
    keys = [fold_key("a", fold) for fold in before]
    assert [fold_key("a", fold) for fold in after][:3] == keys[:3]


@pytest.mark.parametrize("name", ["features", "bar_returns", "targets", "scale"])
def test_any_value_that_was_seen_changes_the_key(name: str) -> None:
    """Revised bars, another feature, another target: another fold."""
    fold = _folds()[1]
    first_row = fold.history.train.rows[0]

    def changed(windows: Windows) -> Windows:
        values = getattr(windows, name).copy()
        values[first_row if name in ("features", "bar_returns") else 0] += 1e-3
        return replace(windows, **{name: values})

    other = replace(fold, history=replace(fold.history, train=changed(fold.history.train)))
    assert fold_key("a", other) != fold_key("a", fold)
    assert fold_key("b", fold) != fold_key("a", fold)


def test_a_damaged_file_is_computed_again(tmp_path: Path) -> None:
    """A flipped bit or a cut file is never read as forecasts."""
    folds = _folds()
    expected = walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path))
    paths = sorted((tmp_path / "cache" / "folds").iterdir())
    assert len(paths) == 4
    content = bytearray(paths[0].read_bytes())
    content[len(content) // 2] ^= 1
    paths[0].write_bytes(content)
    paths[1].write_bytes(paths[1].read_bytes()[:-9])
    paths[2].write_bytes(b"")
    assert same(walk_forward(CANDIDATE, folds, cache=FoldCache(tmp_path)), expected)
    assert Counting.fits == 4 + 3


def test_what_was_not_asked_for_in_a_month_is_forgotten(tmp_path: Path) -> None:
    """The cache does not grow for ever; what is in use stays."""
    folds, cache = _folds(), FoldCache(tmp_path)
    walk_forward(CANDIDATE, folds, cache=cache)
    old = sorted(cache.folder.iterdir())[:2]
    for path in old:
        os.utime(path, (time.time() - 31 * 86400,) * 2)
    cache.forget_unused()
    assert len(list(cache.folder.iterdir())) == 2
    assert not any(path.exists() for path in old)


SLOW_WALK = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_fold_cache import Counting, CANDIDATE, _folds
from forecast_cli.evaluation.fold_cache import FoldCache
from forecast_cli.evaluation.walk_forward import walk_forward
def told(number):
    print(number, flush=True)
    time.sleep(60)
walk_forward(CANDIDATE, _folds(), cache=FoldCache(Path(sys.argv[1])), on_fold=told)
"""


def test_a_killed_process_leaves_its_finished_folds(tmp_path: Path) -> None:
    """`kill -9` after the first of four: three are fitted by whoever comes next."""
    command = [sys.executable, "-c", SLOW_WALK, str(tmp_path), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1\n"
        process.send_signal(signal.SIGKILL)
    made: Forecasts = walk_forward(CANDIDATE, _folds(), cache=FoldCache(tmp_path))
    assert Counting.fits == 3
    assert same(made, walk_forward(CANDIDATE, _folds()))
