"""Some four hundred stocks of the S&P 500, January 2017 to February 2018, refitted every half year.

File: panel/sp500_5yr.parquet (from the repository CNuge/kaggle-code); members of 2018, so survivors
only.
"""

from benchmarks.published.daily import Study, main

STUDY = Study(
    name="panel2017",
    files=("panel/sp500_5yr.parquet",),
    first="2017-01-03",
    last="2018-02-07",
    refit_every=126,
    batch_size=1024,
    networks=("linear", "mlp", "logistic"),
    published={
        1: ("published: historical 250 0.7058 (90.36), EWMA 0.94 filtered 0.7077 (89.20)",),
        5: ("published: historical 250 1.6441 (89.70), EWMA 0.94 filtered 1.6539 (87.99)",),
    },
)

if __name__ == "__main__":
    main(STUDY)
