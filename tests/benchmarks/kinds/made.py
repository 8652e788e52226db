"""Lines as if measured."""

import numpy as np

from benchmarks.kinds.lines import Line, pack

M = 100


def line(row="films", draw=0, code="a", right=None, tests=None, **more):
    """Of M test samples of class 0 each column has the first `right[column]` right."""
    counts = right or {"init": 70, "recipe": 80, "supervised": 50, "logistic": 75, "knn": 60}
    columns = {column: pack((np.arange(M) >= count).astype(np.int64)) for column, count in counts.items()}
    given = {
        "commit": code * 40, "finished": 1.0, "tests": pack(np.arange(M) if tests is None else tests),
        "truth": pack(np.zeros(M, np.int64)), "columns": columns, "cpu": {"init": 60.0},
    }  # fmt: skip
    return Line(row=row, draw=draw, code=code, **{**given, **more})
