"""GRAPH: each stage, and the stages that come before it, listed so that what a stage needs comes first.
FLOWS: what is run together, in that order."""

_MODEL = ("pretrain", "embed", "pseudo_label", "finetune", "evaluate", "register", "promote")

GRAPH: dict[str, tuple[str, ...]] = {
    "ingest": (),
    "snapshot": ("ingest",),
    "plan": ("snapshot",),
    "pretrain": ("snapshot", "plan"),
    "embed": ("snapshot", "plan", "pretrain"),
    "pseudo_label": ("snapshot", "plan", "embed"),
    "finetune": ("snapshot", "plan", "pretrain", "pseudo_label"),
    "evaluate": ("snapshot", "plan", "pretrain", "embed", "pseudo_label", "finetune"),
    "register": ("snapshot", "plan", "pretrain", "finetune", "evaluate"),
    "promote": ("snapshot", "plan", "evaluate", "register"),
    "report": ("ingest", "snapshot", "plan", *_MODEL),
    "score": ("snapshot",),
    "monitor": ("snapshot",),
}

FLOWS: dict[str, tuple[str, ...]] = {
    "ingest": ("ingest", "snapshot"),
    "train": ("ingest", "snapshot", "plan", *_MODEL, "report"),
    "score": ("ingest", "snapshot", "score"),
    "monitor": ("ingest", "snapshot", "monitor"),
}

# Order only: what such a stage gives does not name those after it. The snapshot is named by what lies in the
# data folder, not by the delivery that put it there, so that a touched inbox retrains nothing. What plan has
# decided is applied by execute() to the requests of the stages after it, and names them only by that; the report
# tells of the plan itself.
ORDER_ONLY: dict[str, tuple[str, ...]] = {
    "snapshot": ("ingest",),
    **{stage: ("plan",) for stage, needs in GRAPH.items() if "plan" in needs and stage != "report"},
}

# The share of the wall time that is the work itself.
HEAVY: tuple[str, ...] = ("pretrain", "embed", "finetune", "score")
POOL = "accelerator"  # of Airflow: its slots are how many of them run at once


def references(stage: str, done: dict[str, str]) -> dict[str, str]:
    """The upstream references that the request of `stage` carries, out of those done so far."""
    return {name: done[name] for name in GRAPH[stage] if name not in ORDER_ONLY.get(stage, ())}
