"""What a run came to: a table of the stages, the share of the real work in its wall time, what was planned and
why, the champion."""

from collections.abc import Sequence
from typing import Any

from components.tasks.registry import task_of
from components.wording import counted
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Manifest
from pipelines.engine.progress import duration
from pipelines.engine.store import read_manifest
from pipelines.graph import HEAVY
from pipelines.pages.wording import beside, left_out_of_margin
from pipelines.registry.loading import python_lines
from pipelines.registry.outcome import champion_of, outcome
from pipelines.registry.registry import journal_of
from pipelines.settings import Settings


def summary(lines: Sequence[StageLine], wall: float, settings: Settings) -> list[str]:
    """lines: the stages that ended. wall: seconds of the whole run, the start of its processes included."""
    made = {line.stage: read_manifest(line.reference, settings.store) for line in lines}
    said = [*_planned(made), *_skipped(made), *_verdict(lines, made, settings)]
    return ["", *_table(lines, made, wall), "", *said]


def _table(lines: Sequence[StageLine], made: dict[str, Manifest], wall: float) -> list[str]:
    rows = [f"{'stage':<14}{'':<7}{'seconds':>9}{'share':>8}{'memory':>10}"]
    for line in lines:
        memory = f"{line.memory / 1e6:,.0f} MB" if line.memory else "-"
        rows.append(
            f"{line.stage:<14}{line.status:<7}{line.seconds:>9.1f}{line.seconds / wall:>8.0%}{memory:>10}"
        )
    ran = [line.stage for line in lines if line.status == "ran"]
    worked = [stage for stage in ran if stage in HEAVY]
    rows.append(
        f"{'in all':<21}{wall:>9.1f}{'':>8}{max((n.memory for n in lines), default=0) / 1e6:>7,.0f} MB"
    )
    if worked:
        work = sum(made[stage].seconds for stage in worked)
        rows.append(f"{', '.join(worked)}: {duration(work)}, {work / wall:.0%} of the wall time")
    else:
        found = sum(line.status == "found" for line in lines)
        changed = "" if set(ran) - {"plan"} else ": nothing changed"  # it looks at the champion each time
        anew = f"; ran: {', '.join(ran)}" if ran else ""
        rows.append(f"0 steps trained{changed}{anew}; {counted(found, 'stage')} found in {duration(wall)}")
    return rows


def _planned(made: dict[str, Manifest]) -> list[str]:
    return (
        [f"plan: {made['plan'].output['decision']}. {made['plan'].output['reason']}"]
        if "plan" in made
        else []
    )


def _skipped(made: dict[str, Manifest]) -> list[str]:
    said = [
        f"{stage} skipped: {m.output['skipped']}"
        for stage, m in made.items()
        if m.output.get("skipped") and not m.output.get("encoder")
    ]
    if encoder := made["register"].output.get("encoder") if "register" in made else None:
        said.append(
            f"encoder: {encoder} in MLflow gives the embedding of an image; label some for a classifier"
        )
    return said


def _verdict(ended: Sequence[StageLine], made: dict[str, Manifest], settings: Settings) -> list[str]:
    """The champion, what it reaches, what its method was worth, and where the report lies; what a stage did not say is
    left out."""
    said = {stage: manifest.output for stage, manifest in made.items()}
    registered, promoted = said.get("register", {}), said.get("promote", {})
    figures = said.get("evaluate", {}).get("metrics") or {}
    lines = []
    if (name := registered.get("name")) and promoted:
        move = champion_of(journal_of(str(name), settings).entries())
        lines.append(f"{name}: {outcome(promoted, move)}")
        if move is not None:
            lines += [
                "the champion in Python:",
                *(f"  {line}" for line in python_lines(str(name), "champion", settings)),
            ]
    if figures:
        task = task_of(made["evaluate"].given)
        served = said.get("finetune", {}).get("made_of") or []
        lines.append(
            f"{task.word} on the test samples: {task.shown(figures)}{_margin(said['evaluate'], served)}"
        )
    if benefit := said.get("evaluate", {}).get("benefit"):
        lines += [benefit["line"], *(f"warning {text}" for text in benefit["warnings"])]
    pages = (v["path"] for v in said.get("report", {}).values() if isinstance(v, dict) and "path" in v)
    page = next((path for path in pages if str(path).endswith(".html")), None)
    if page:
        reference = next(line.reference for line in ended if line.stage == "report")
        lines.append(f"report: {settings.store / reference / page}")
    return lines


def _margin(evaluated: dict[str, Any], served: Sequence[str]) -> str:
    """served: baselines within the model."""
    metrics, best = evaluated["metrics"], evaluated.get("best_baseline")
    if not best or "margin" not in metrics:
        return ""
    low, high = metrics.get("margin_low"), metrics.get("margin_high")
    interval = "" if low is None or high is None else f" (95 % interval {low:+.3f} to {high:+.3f})"
    left_out = left_out_of_margin(served, evaluated.get("baselines") or {})
    return f"; {beside(metrics['margin'], f'the best baseline, {best}')}{interval}{left_out}"
