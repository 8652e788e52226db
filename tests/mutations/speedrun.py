"""Deliberate errors in what counts as a record of the speedrun."""

from tests.mutations.base import Mutation

RECORDS = ("tests/benchmarks/quickstart/test_records.py",)
FILE = "benchmarks/quickstart/records.py"

MUTATIONS = [
    Mutation(FILE, "deviation / n**0.5), n - 1)", "deviation / n**0.5), n)", RECORDS),
    Mutation(FILE, "deviation / n**0.5), n - 1)", "deviation), n - 1)", RECORDS),
    Mutation(FILE, "below = fmean(theirs) - fmean(ours)", "below = fmean(ours) - fmean(theirs)", RECORDS),
    Mutation(FILE, "(a**2 / (len(ours) - 1)", "(a**2 / len(ours)", RECORDS),
    Mutation(FILE, "if reached >= LEVEL:", "if reached >= 0.9:", RECORDS),
    Mutation(FILE, "if faster < LEVEL else", "if faster < 0.5 else", RECORDS),
    Mutation(FILE, "seeds != list(range(len(seeds)))", "False", RECORDS),
    Mutation(FILE, "len(seeds) < SEEDS or", "", RECORDS),
    Mutation(FILE, "if not one.why:\n            standing", "if True:\n            standing", RECORDS),
    Mutation(FILE, "standing.get(entry.machine)", 'standing.get("box")', RECORDS),
    Mutation(FILE, '"+" in run.commit or ', "", RECORDS),
    Mutation("benchmarks/quickstart/speedrun.py", 'if stage == "finetune":', "if True:", RECORDS),
]
