"""Published tables made again: the same data, split and scores, our networks and the naive rows.

Each module is a command: `python -m benchmarks.published.NAME --data FOLDER`. It prints a table and
one JSON line. FOLDER holds the data sets by their own names; none of them comes with this program.
"""
