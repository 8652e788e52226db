"""GRAPH: each stage, and the stages that come before it, listed so that what a stage needs comes first."""

GRAPH: dict[str, tuple[str, ...]] = {
    "ingest": (),
    "snapshot": ("ingest",),
    "pretrain": ("snapshot",),
    "embed": ("snapshot", "pretrain"),
    "pseudo_label": ("snapshot", "embed"),
    "finetune": ("snapshot", "pretrain", "pseudo_label"),
    "evaluate": ("snapshot", "pretrain", "embed", "pseudo_label", "finetune"),
    "register": ("snapshot", "pretrain", "finetune", "evaluate"),
    "promote": ("snapshot", "evaluate", "register"),
    "report": (
        "ingest",
        "snapshot",
        "pretrain",
        "embed",
        "pseudo_label",
        "finetune",
        "evaluate",
        "register",
        "promote",
    ),
}

# Order only: the snapshot is named by what lies in the data folder, not by the delivery that put it
# there, so that a touched inbox retrains nothing.
ORDER_ONLY: dict[str, tuple[str, ...]] = {"snapshot": ("ingest",)}

# The share of the wall time that is the work itself.
HEAVY: tuple[str, ...] = ("pretrain", "embed", "finetune")


def references(stage: str, done: dict[str, str]) -> dict[str, str]:
    """The upstream references that the request of `stage` carries, out of those done so far."""
    return {name: done[name] for name in GRAPH[stage] if name not in ORDER_ONLY.get(stage, ())}
