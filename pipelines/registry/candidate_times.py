"""When each candidate was trained, and what it has right of held-out labels, as step metrics of the stage.

Wall-clock time differs from run to run, so it lies in metrics.jsonl and in no output.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipelines.registry.candidates import METHOD

VIEWS, DISTILLED = "views", "distilled"
OF = {  # a training's name, up to its number, and what it is trained for
    "cross_fit": METHOD, "finetune": METHOD, "cross_alone": "alone", "scratch_grid": "scratch", "distill": DISTILLED,
}  # fmt: skip


class Span(NamedTuple):
    """began, ended: seconds since the stage began, of its first and last training. seconds: of all its trainings, one
    after the other. accuracy: of held-out labels, None where none was measured."""

    name: str
    began: float
    ended: float
    seconds: float
    accuracy: float | None = None


def spans(times: Mapping[str, tuple[float, float]], accuracies: Mapping[str, float]) -> list[Span]:
    """One a candidate, in the order in which they ended.

    Args:
        times: of each training, by its name (cross_alone-0), when it began and ended.
        accuracies: by candidate.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for training, when in times.items():
        name = training.partition("-")[0]
        found.setdefault(OF.get(name, name), []).append(when)
    made = [
        Span(
            name,
            min(began for began, _ in parts),
            max(ended for _, ended in parts),
            sum(ended - began for began, ended in parts),
            accuracies.get(name),
        )
        for name, parts in found.items()
    ]
    return sorted(made, key=lambda span: span.ended)


def figures(made: Iterable[Span]) -> dict[str, float]:
    """As step metrics: timeline/NAME/FIELD."""
    return {
        f"timeline/{span.name}/{field}": round(value, 4)
        for span in made
        for field, value in span._asdict().items()
        if field != "name" and value is not None
    }


def read(records: Iterable[Mapping[str, float]]) -> list[Span]:
    """The spans out of step metrics, in the order in which they ended; of several attempts those of the last."""
    found: dict[str, dict[str, float]] = {}
    for record in records:
        attempt: dict[str, dict[str, float]] = {}
        for key, value in record.items():
            if key.startswith("timeline/"):
                _, name, field = key.split("/")
                attempt.setdefault(name, {})[field] = value
        found = attempt or found
    return sorted((Span(name, **fields) for name, fields in found.items()), key=lambda span: span.ended)
