"""What a recipe's flows have not done yet, from what lies on the disk: python -m pipelines.flows.due RECIPE.

A flow is behind where its last stage has no finished run for the newest snapshot (and, for scores, by the champion
of now), whatever was planned, told or tried before. One that failed is tried again after a while that grows with the
number of failures, one that failed by a mistake of the user when the recipe was changed since.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from components.registry.journal import Journal
from pipelines import recipe_folders
from pipelines.engine import journal
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Manifest
from pipelines.engine.run_once import identify
from pipelines.engine.store import is_finished, read_manifest
from pipelines.graph import FLOWS
from pipelines.recipe import Recipe
from pipelines.settings import Settings

AGAIN, LONGEST = 3600.0, 86400.0  # seconds after a first failure, and at most; doubled each time


def made(stage: str, recipe: str, store: Path) -> dict[str, Manifest]:
    """The finished runs of a stage for a recipe, by their references."""
    found = [f"{stage}/{file.parent.name}" for file in (store / stage).glob("[!.]*/manifest.json")]
    manifests = {reference: read_manifest(reference, store) for reference in found}
    return {reference: manifest for reference, manifest in manifests.items() if manifest.recipe == recipe}


def newest(stage: str, recipe: str, store: Path) -> str | None:
    """The finished run of a stage that began last, None where there is none."""
    found = made(stage, recipe, store)
    return max(found, key=lambda reference: found[reference].started, default=None)


def champion(recipe: Recipe, settings: Settings) -> str | None:
    """The version that is champion by the journal of promotions, None where there is none."""
    entries = Journal(settings.home / "journal" / f"{recipe.model}.jsonl").entries()
    return next((entry.to_version for entry in reversed(entries) if entry.state == "done"), None)


def finished(flow: str, snapshot: str, recipe: Recipe, settings: Settings) -> bool:
    """Whether the last stage of a flow has a finished run for this snapshot; scores: by the champion of now."""
    runs = made(FLOWS[flow][-1], recipe.name, settings.store).values()
    fit = [run for run in runs if run.given.get("snapshot") == snapshot]
    if flow == "score":
        version = champion(recipe, settings)
        return version is None or any(run.output.get("champion") == version for run in fit)
    return bool(fit)


def behind(flow: str, recipe: Recipe, settings: Settings, now: float) -> bool:
    """Whether a flow that Airflow runs by itself is to be started for the newest snapshot.

    now: unix time. False while a run of it is open: that looks again when it ends.
    """
    if flow == "train" and recipe.retrain == "manual":
        return False
    snapshot = newest("snapshot", recipe.name, settings.store)
    if snapshot is None or finished(flow, snapshot, recipe, settings):
        return False
    return not _waits(flow, recipe, settings, now, lambda seen: seen.get("snapshot", snapshot) == snapshot)


def news(recipe: Recipe, settings: Settings, now: float) -> bool:
    """Whether the inbox holds what no ingest has taken, or the data folder what no snapshot has."""
    done: dict[str, str] = {}
    for stage in FLOWS["ingest"]:
        identity = identify(stage, recipe.request(stage, done), settings, recipe.name)
        done[stage] = reference = identity.reference
        if not is_finished(reference, settings.store):
            return not _waits("ingest", recipe, settings, now, lambda seen: seen.get(stage) == reference)  # noqa: B023
    return False


def due(recipe: Recipe, settings: Settings, now: float) -> list[str]:
    """The flows that are behind; "ingest": there are news."""
    found = ["ingest"] if news(recipe, settings, now) else []
    return found + [flow for flow in ("train", "score", "monitor") if behind(flow, recipe, settings, now)]


def _waits(
    flow: str, recipe: Recipe, settings: Settings, now: float, same: Callable[[dict[str, str]], bool]
) -> bool:
    """Whether a run of the flow is open, or has failed and it is too early to try again.

    same: whether a run, of which it is given the references by stage, was one for the data of now.
    """
    failures: list[tuple[float, StageLine]] = []
    for run in _latest(flow, recipe.name, settings.home):
        head = journal.head_of(settings.home, run)
        if "ended" not in head:
            if journal.unended(settings.home, run, head) in journal.LIVE:
                return True
            continue
        lines = journal.stages(settings.home, run)
        failed = next((line for line in lines if line.status == "failed"), None)
        if failed is None or not same({line.stage: line.reference for line in lines}):
            break
        failures.append((float(head["ended"]), failed))
    if not failures:
        return False
    ended, line = failures[0]
    if line.mistake and not line.passing and (flow == "ingest" or line.stage not in FLOWS["ingest"]):
        return not recipe.file.exists() or recipe.file.stat().st_mtime <= ended
    return now - ended < min(AGAIN * 2.0 ** (len(failures) - 1), LONGEST)


def _latest(flow: str, recipe: str, home: Path) -> Iterator[str]:
    """Airflow's runs of a flow that have a journal, the latest first."""
    files = sorted((home / "runs").glob(f"*-{flow}_{recipe}.jsonl"), reverse=True)
    return (file.stem for file in files)


def looked(recipe: str, settings: Settings) -> Path:
    """The file whose time is that of the last look at the recipe's inbox by its schedule."""
    return settings.home / "airflow" / "looked" / recipe


def main() -> int:
    """Prints the flows that are due, a JSON list. The time of the look counts from before it."""
    settings, now = Settings.load(), time.time()
    file = looked(sys.argv[1], settings)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.touch(0o600)
    os.utime(file, (now, now))
    print(json.dumps(due(recipe_folders.find(sys.argv[1], settings), settings, now)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
