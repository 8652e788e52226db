"""Deliberate errors in what counts as a record of the speedrun."""

from tests.mutations.base import Mutation

RECORDS = ("tests/benchmarks/quickstart/test_records.py",)

MUTATIONS = [
    Mutation("reaches", "deviation / n**0.5), n - 1)", "deviation / n**0.5), n)"),
    Mutation("reaches", "deviation / n**0.5), n - 1)", "deviation), n - 1)"),
    Mutation("is_faster", "below = fmean(theirs) - fmean(ours)", "below = fmean(ours) - fmean(theirs)"),
    Mutation("is_faster", "(a**2 / (len(ours) - 1)", "(a**2 / len(ours)"),
    Mutation("records._judged", "if reached >= LEVEL:", "if reached >= 0.9:"),
    Mutation("records._judged", "if faster < LEVEL else", "if faster < 0.5 else"),
    Mutation("records._judged", "seeds != list(range(len(seeds)))", "False"),
    Mutation("records._judged", "len(seeds) < SEEDS or", ""),
    Mutation("records.judge", "if not one.why:\n            standing", "if True:\n            standing"),
    Mutation("records.judge", "standing.get(entry.machine)", 'standing.get("box")'),
    Mutation("records.add", '"+" in run.commit or ', ""),
    Mutation("speedrun.measure", 'if stage == "finetune":', "if True:", RECORDS),
]
