"""The runs so far, for `selfsup runs`: by page, by recipe and by state; and older ones shortened to a line each.

A run older than SELFSUP_RETENTION_DAYS is a line of HOME/older-runs.jsonl (shorten); its journal is gone. Names begin
with the time, so that a page reads as many journals as it shows.
"""

import json
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from pipelines.engine import journal, now
from pipelines.engine.context import append_line
from pipelines.engine.journal import AT_WORK, LIVE, OPEN, StageLine
from pipelines.graph import FLOWS

STATES = ("done", "failed", "open", "broken")
TIMED = re.compile(r"\d{8}T\d{6}-\d{3}-(.+)")
DAY = 86400.0


class Shown(NamedTuple):
    """A run as a page shows it. state: one of STATES. lines: its own, and one of each stage."""

    run: str
    recipe: str
    state: str
    lines: list[str]


def older_file(home: Path) -> Path:
    return home / "older-runs.jsonl"


def names(home: Path) -> list[str]:
    """Runs that have a journal, the newest first."""
    return sorted((file.stem for file in (home / "runs").glob("*.jsonl")), reverse=True)


def is_of(run: str, recipe: str) -> bool:
    """Whether a run is one of a recipe, by its name: TIME-RECIPE, or from Airflow TIME-FLOW_RECIPE."""
    timed = TIMED.fullmatch(run)
    rest = timed[1] if timed else run
    return rest == recipe or rest in {f"{flow}_{recipe}" for flow in FLOWS}


def last_of(home: Path, recipe: str) -> str | None:
    """The newest run of a recipe that has a journal."""
    return next((run for run in names(home) if is_of(run, recipe)), None)


def ending(home: Path, run: str, head: dict[str, Any]) -> tuple[str, str]:
    """One of STATES, and what it says for a person: "done", the error, or that it is at work, open or broken off."""
    if "ended" in head:
        return ("failed", str(head["error"])) if head.get("error") else ("done", "done")
    told = journal.unended(home, run, head)
    return ("open" if told in (AT_WORK, OPEN) else "broken"), told


def page(
    home: Path, store: Path, limit: int, before: str = "", recipe: str = "", state: str = ""
) -> list[Shown]:
    """At most `limit` runs, the latest last.

    Args:
        before: name of a run (or the first letters of one, such as a day); only earlier ones. recipe, state: of
            these alone; empty: all.
    """
    found = (shown for shown in _shown(home, store, before, recipe) if state in ("", shown.state))
    return list(islice(found, limit))[::-1]


def _shown(home: Path, store: Path, before: str, recipe: str) -> Iterator[Shown]:
    for run in names(home):
        if (before == "" or run < before) and (recipe == "" or is_of(run, recipe)):
            yield _of_journal(home, store, run)
    for told in reversed(_older(home)):
        if (before == "" or told["run"] < before) and (recipe == "" or is_of(told["run"], recipe)):
            if journal.journal_file(home, told["run"]).exists():
                continue  # a kill came between its line and the end of its journal
            yield Shown(told["run"], told["recipe"], told["state"], [told["line"]])


def _of_journal(home: Path, store: Path, run: str) -> Shown:
    head = journal.head_of(home, run)
    state, ended = ending(home, run, head)
    try:
        made = journal.stages(home, run)
    except ValidationError:
        text = f"{run}  {ended}  (damaged, the stages cannot be read: {journal.journal_file(home, run)})"
        return Shown(run, _recipe_of(run, head), state, [text])
    lines = [_line(run, ended, head, made, store)]
    lines += [f"  {s.status:<7}{s.seconds:>8.1f} s  {s.reference or s.stage}" for s in made]
    lines += now.lines(journal.now_file(home, run)) if ended in LIVE else []
    return Shown(run, _recipe_of(run, head), state, lines)


def _recipe_of(run: str, head: dict[str, Any]) -> str:
    timed = TIMED.fullmatch(run)
    rest = timed[1] if timed else run
    return rest.partition("_")[2] if head.get("airflow") else rest


def _line(run: str, ended: str, head: dict[str, Any], made: list[StageLine], store: Path) -> str:
    counts = ", ".join(
        f"{sum(s.status == status for s in made)} {status}" for status in ("ran", "found", "failed")
    )
    came_to = "".join(f"; {text}" for text in _came_to(made, store))
    return f"{run}  {ended}  ({counts})  flow {head.get('flow', 'train')}{came_to}"


def _older(home: Path) -> list[dict[str, Any]]:
    """The shortened runs in order of their names; one that a kill had written twice counts once."""
    file = older_file(home)
    return sorted(
        {told["run"]: told for told in journal.records(file)}.values(), key=lambda told: told["run"]
    )


def shorten(home: Path, store: Path, days: float, moment: float) -> int:
    """Make a line of each run that ended more than `days` before `moment` (unix time); how many there were.

    Kept as they are: of each recipe and flow the newest run that ended well, and all since, which gc asks for.
    """
    ended_well: set[tuple[str, str]] = set()
    shortened = 0
    for run in names(home):
        file, head = journal.journal_file(home, run), journal.head_of(home, run)
        state, ended = ending(home, run, head)
        place = (_recipe_of(run, head), str(head.get("flow", "train")))
        needed = place not in ended_well
        if state == "done":
            ended_well.add(place)
        if needed or state == "open" or float(head.get("ended", file.stat().st_mtime)) > moment - days * DAY:
            continue
        line = _line(run, ended, head, journal.stages(home, run), store)
        told = {"run": run, "recipe": place[0], "state": state, "line": line}
        append_line(older_file(home), told)
        file.unlink()
        for rest in (journal.live_file(home, run), journal.now_file(home, run)):
            rest.unlink(missing_ok=True)
        shortened += 1
    return shortened


def _came_to(made: list[StageLine], store: Path) -> Iterator[str]:
    """The plan's decision and the version of the model, as far as the run's manifests say them."""
    output: dict[str, dict[str, Any]] = {}
    for line in made:
        manifest = store / line.reference / "manifest.json"
        if line.stage in ("plan", "register", "promote", "score") and manifest.is_file():
            output[line.stage] = json.loads(manifest.read_bytes())["output"]
    if decision := output.get("plan", {}).get("decision"):
        yield f"plan: {decision}"
    registered, promoted = output.get("register", {}), output.get("promote", {})
    if version := registered.get("version"):
        champion = ", promoted" if promoted.get("promoted") else ""
        yield f"model {registered['name']}/{version}{champion}"
    if encoder := registered.get("encoder"):
        yield f"encoder {encoder}"
    if version := output.get("score", {}).get("champion"):
        yield f"scored by version {version}"
