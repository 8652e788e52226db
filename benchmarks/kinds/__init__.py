"""Texts and rows of tables beside simple baselines and peers, with few labels, and what both cost.

`python -m benchmarks.kinds packages` names the packages that carry the data and how to get them, `run` measures rows
that have not been measured yet, `results` prints the table. A row is a data set with some labels, or a cost; a cell is
a row with one draw of labels, and cells need not each other.
"""
