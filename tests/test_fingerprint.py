"""A model learnt from these bars, or from others: fingerprints tell, and forgive re-adjustment."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import random_walk_bars

from forecast_cli.data.bars import Bars
from forecast_cli.data.fingerprint import Fingerprint, fingerprint, is_revised
from forecast_cli.schema import PRICE_COLUMNS

SERIES = random_walk_bars("A", 5000, seed=3)
LEARNT = fingerprint(SERIES)


def scaled(factor: float, digits: int, *names: str) -> Bars:
    """Some prices multiplied and rounded to significant digits, as vendors do."""
    step = 10.0 ** (digits - 1 - np.floor(np.log10(SERIES.close * factor)))
    changes = {name: np.round(getattr(SERIES, name) * factor * step) / step for name in names}
    return replace(SERIES, **changes)


def test_the_same_bars() -> None:
    """What was learnt from is recognised."""
    assert not is_revised(SERIES, LEARNT)


@given(st.floats(0.01, 100), st.integers(6, 12))
def test_readjustment_is_no_revision(factor: float, digits: int) -> None:
    """Whatever the ratio, and however its result was rounded: a dividend or a split."""
    assert not is_revised(scaled(factor, digits, "adj_close"), LEARNT)
    assert not is_revised(scaled(factor, digits, *PRICE_COLUMNS), LEARNT)


@given(
    st.integers(0, len(SERIES) - 1),
    st.lists(st.sampled_from(PRICE_COLUMNS), min_size=1, unique=True),
    st.sampled_from([0.5, 0.99, 0.996, 1.004, 1.01, 2.0]),
)
def test_one_corrected_bar_is_a_revision(row: int, names: list[str], factor: float) -> None:
    """One bar in 20 years, whichever of its prices changed, by 0.4 % or more."""
    changes = {}
    for name in names:
        values = getattr(SERIES, name).copy()
        values[row] *= factor
        changes[name] = values
    assert is_revised(replace(SERIES, **changes), LEARNT)


@given(st.integers(1, len(SERIES) - 2))
def test_a_bar_less_is_a_revision(row: int) -> None:
    """Dates count, too."""
    assert is_revised(SERIES.take(np.delete(np.arange(len(SERIES)), row)), LEARNT)


@given(st.integers(0, 200), st.integers(4000, 5000))
def test_more_history_is_no_revision(first: int, last: int) -> None:
    """Bars before and after those learnt from change nothing about them."""
    assert not is_revised(SERIES, fingerprint(SERIES.take(slice(first, last))))


def test_one_bar_has_a_fingerprint() -> None:
    """A series without any return is known by its date."""
    bars = SERIES.take(slice(1))
    assert not is_revised(bars, fingerprint(bars))


@pytest.mark.parametrize("day", ["2024-13-01", "yesterday", "", "2024-01-01T25:00"])
def test_a_manifest_cannot_name_a_wrong_date(day: str) -> None:
    """Bounded values only: a bad date is refused when the manifest is read."""
    with pytest.raises(ValueError, match="first"):
        Fingerprint.model_validate(LEARNT.model_dump() | {"first": day})
