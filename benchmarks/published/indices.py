"""S&P 500 and Nasdaq composite, 2014 to 2018, refitted every year.

Files: single_series/sp500.csv.gz and nasdaq.csv.gz (from the package arch).
"""

from benchmarks.published.daily import Study, main

STUDY = Study(
    name="indices",
    files=("single_series/sp500.csv.gz", "single_series/nasdaq.csv.gz"),
    date_format="%m/%d/%Y",
    first="2014-01-01",
    last="2018-12-31",
    refit_every=252,
    batch_size=128,
    econometric=("garch_t", "gjr_garch_t"),
    networks=("linear", "mlp", "lstm", "cnn", "rnn"),
    published={
        1: (
            "published: historical 250 0.4867 (87.24), EWMA 0.94 filtered 0.4772 (89.47),",
            "GARCH-t 0.4725 (91.35), GJR-GARCH-t 0.4703 (92.11)",
        ),
        5: (
            "published: historical 250 1.0715 (87.32), EWMA 0.94 filtered 1.0525 (89.00),",
            "GARCH-t 1.0537 (92.22), GJR-GARCH-t 1.0510 (92.90)",
        ),
    },
)

if __name__ == "__main__":
    main(STUDY)
