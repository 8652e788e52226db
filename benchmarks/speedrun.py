"""Seconds from start to a test accuracy of .78 and .80 on two cores: python benchmarks/speedrun.py [measure --seed N]

`measure` runs the quickstart with the labels of that seed as far as fine-tuning, in a home of its own, stops the clock,
measures the accuracy on the test samples and adds the run to benchmarks/speedrun.jsonl: about 5 minutes a seed.
Without a command, and after each run, the table of records is printed and docs/speedrun.md is written; what counts as
a record is said there (benchmarks/quickstart/records.py). Measure on a quiet machine, seeds 0 to 4, at a commit.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as `python -m` does
    from benchmarks.quickstart.speedrun import main

    main(sys.argv[1:])
