"""Fetch covariates: dated values, such as scores of news, from a file into the store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from forecast_cli.data.covariate_reader import read_covariates
from forecast_cli.data.covariates import CovariateStore

_SECONDS: Final = len("2024-01-02T15:30:00")


@dataclass(frozen=True, kw_only=True)
class StoredCovariate:
    """One name of one symbol, or of every one, that is now in the store.

    n_values: in the file. first, last: when they became known: session dates or instants in UTC.
    """

    name: str
    symbol: str | None
    n_values: int
    first: str
    last: str
    changed: bool


def fetch_covariates(source: str, *, home: Path) -> tuple[StoredCovariate, ...]:
    """Read a file of dated values and join them to the covariates under `home`.

    Nothing is stored unless the whole file can be read, see `data.covariate_reader`. A value
    replaces the stored one of the same moment. Running it again changes no file.
    """
    store = CovariateStore(home)
    return tuple(
        StoredCovariate(
            name=new.name,
            symbol=new.symbol,
            n_values=len(new),
            first=str(new.available_at[0])[:_SECONDS],
            last=str(new.available_at[-1])[:_SECONDS],
            changed=store.write(new),
        )
        for new in read_covariates(Path(source))
    )
