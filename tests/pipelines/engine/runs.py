"""All runs of a home as `selfsup runs` shows them."""

from pipelines.engine import run_list


def overview(home, store):
    """The lines of every run, the latest last."""
    return [line for shown in run_list.page(home, store, 10_000) for line in shown.lines]
