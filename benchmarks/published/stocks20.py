"""Twenty American stocks, 2018 to 2022, refitted every year.

File: panel/sp500_20stocks_close.csv.gz (from the package skfolio); closes only, so that the
features that read a bar's range say nothing.
"""

from benchmarks.published.daily import Study, main

STUDY = Study(
    name="stocks20",
    files=("panel/sp500_20stocks_close.csv.gz",),
    first="2018-01-01",
    last="2022-12-31",
    refit_every=252,
    batch_size=512,
    networks=("linear", "mlp"),
    published={
        1: ("published: historical 250 1.0772 (87.6), EWMA 0.94 filtered 1.0562 (89.4)",),
        5: ("published: historical 250 2.4065 (87.0), EWMA 0.94 filtered 2.3801 (89.2)",),
    },
)

if __name__ == "__main__":
    main(STUDY)
