"""What a registered version says of itself, for a person: `selfsup show NAME/VERSION`."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.tasks.base import Task
from components.tasks.registry import task_of
from components.wording import counted
from pipelines.graph import GRAPH
from pipelines.registry.gate_checks import CHECK, VERDICT

OVERRIDE = "selfsup.override"  # tag: when, who and why, where a person went past the gate
FORGOTTEN = (
    "selfsup.forgotten"  # tag: how many samples of the data that it was made from were forgotten since
)


def summary(model: str, version: str, tags: Mapping[str, str], aliases: Sequence[str]) -> list[str]:
    """Lines. tags: of the version, as the register stage and the gate wrote them; what is not there is left out."""
    own = {key.removeprefix("selfsup."): value for key, value in tags.items() if key.startswith("selfsup.")}
    task = task_of(own)
    title = f"{model} version {version}" + (f" ({', '.join(aliases)})" if aliases else "")
    rows = [
        ("gate", tags.get(VERDICT, "never judged")),
        ("override", own.get("override")),
        ("forgotten", _forgotten(own.get("forgotten"))),
        (task.word, _headline(task, own)),
        ("baselines", _baselines(own.get("figure.baselines"))),
        ("method", own.get("benefit")),
        ("data version", own.get("data")),
        ("trained in", f"{float(own['seconds']):,.0f} s" if "seconds" in own else None),
        ("in place of", f"version {own['parent']}" if "parent" in own else None),
        ("code", own.get("commit")),
        ("digest", own.get("digest")),
        *((stage, own[stage]) for stage in GRAPH if stage in own),
    ]
    lines = [title, *(f"  {name:<13} {value}" for name, value in rows if value)]
    checks = sorted(key for key in tags if key.startswith(CHECK))
    return (
        lines
        + ([f"  {counted(len(checks), 'check')}:"] if checks else [])
        + [
            f"    {'passed' if (found := json.loads(tags[key]))['passed'] else 'failed'}  "
            f"{key.removeprefix(CHECK)}: {found['why']}"
            for key in checks
        ]
    )


def _headline(task: type[Task[Any]], own: Mapping[str, str]) -> str | None:
    prefix = "figure."
    figures = {
        key.removeprefix(prefix): float(value)
        for key, value in own.items()
        if key.startswith(prefix) and key != f"{prefix}baselines"
    }
    if task.headline not in figures:
        return None
    rest = "".join(f", {word} {figures[name]:.3f}" for name, word in task.figures.items() if name in figures)
    return f"{task.shown(figures)} on the test samples{rest}"


def _baselines(text: str | None) -> str | None:
    known = json.loads(text) if text else {}
    best_first = sorted(known.items(), key=lambda item: -(item[1] or 0.0))
    return ", ".join(f"{name} {'unknown' if v is None else f'{v:.3f}'}" for name, v in best_first) or None


def _forgotten(when: str | None) -> str | None:
    if not when:
        return None
    return f"made from data with samples that were forgotten on {when[:10]}; run the recipe for one without"
