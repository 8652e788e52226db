"""The champion and the runs that made it, as plan observes them; and a place in MLflow for the next model.

MLflow takes seconds and 200 MB to import. Where its database is a file that can be read without it, it is; else MLflow
is asked in a process of its own that ends with its answer: python -m pipelines.registry.ancestry MODEL.
"""

import json
import logging
import sys
from collections.abc import Mapping

from components.errors import UserError, as_record, coded, from_record
from components.registry import mlflow_file
from components.registry.journal import CHAMPION
from components.registry.mlflow_registry import experiment, is_deleted
from pipelines.engine import stage_process
from pipelines.engine.processes import child_environ
from pipelines.engine.store import is_finished
from pipelines.graph import GRAPH
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings

log = logging.getLogger(__name__)
RESTORED = "restored"  # the experiment, told once
GONE = "gone: "  # before the reference of a run that the store has no more


def observe(model: str, settings: Settings, recipe: str = "") -> dict[str, str]:
    """Of the champion of a registered model: `version`, `created` (unix seconds), `digest`, and by stage the
    reference of each run that made it, GONE before it where the store has lost it. Without a champion nothing,
    or `deleted`: the version that was the last by the journal.

    recipe: whose experiment must be there when the model is registered: it is made or restored now, before hours of
        training rather than after them.

    Raises:
        UserError: MLflow cannot be opened, or does not give the experiment back.
    """
    told = _read(model, settings, recipe)
    if told is None:
        told = _by_mlflow(model, settings, recipe)
    lost = {s: GONE + r for s, r in told.items() if s in GRAPH and not is_finished(r, settings.store)}
    return told | lost


def _read(model: str, settings: Settings, recipe: str) -> dict[str, str] | None:
    """Without MLflow, None where only MLflow can tell, or has to make or restore the experiment."""
    seen = mlflow_file.read(settings.mlflow, model, CHAMPION, recipe)
    if seen is None or (recipe and seen.experiment != "active"):
        return None
    if seen.version is None:
        return _last_champion(model, settings)
    return _told(seen.version, seen.created, seen.tags)


def _by_mlflow(model: str, settings: Settings, recipe: str) -> dict[str, str]:
    """By MLflow, in a process of its own."""
    register: stage_process.Stages = [("register", {})]  # it will need MLflow as well
    arguments = [model, *([recipe] if recipe else [])]
    code, out, said = stage_process.call(
        "pipelines.registry.ancestry", arguments, "", child_environ(settings), register
    )
    if code == 2:
        raise from_record(json.loads(said.strip().splitlines()[-1]))
    if code != 0:
        last = said.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"asking MLflow for the champion ended with code {code}: {last[0]}")
    told: dict[str, str] = json.loads(out.splitlines()[-1])
    if name := told.pop(RESTORED, None):
        text = f"the experiment {name} was deleted in MLflow; it is restored with its runs"
        log.warning(coded("experiment-restored", text))
    return told


def ask(model: str, settings: Settings) -> dict[str, str]:
    """The same, asked in this process, without a look at the store."""
    registry = registry_of(model, settings)
    version = registry.alias(CHAMPION)
    if version is None:
        return _last_champion(model, settings)
    made = registry.client.get_model_version(model, version)
    return _told(version, made.creation_timestamp, made.tags)


def _last_champion(model: str, settings: Settings) -> dict[str, str]:
    """The version that was champion last by the journal, where MLflow has none."""
    entries = journal_of(model, settings).entries()
    named = [entry.to_version for entry in entries if entry.state == "done" and entry.to_version]
    return {"deleted": named[-1]} if named else {}


def _told(version: str, created: int, tags: Mapping[str, str]) -> dict[str, str]:
    """created: unix milliseconds. tags: of the version."""
    ours = {key.removeprefix("selfsup."): str(value) for key, value in tags.items()}
    ours |= {"register": ours["reference"]} if "reference" in ours else {}
    runs = {key: value for key, value in ours.items() if key in (*GRAPH, "digest")}
    return {"version": version, "created": str(created // 1000), **runs}


def main() -> int:
    model, *recipe = sys.argv[1:]
    settings = Settings.load()
    try:
        told = ask(model, settings)
        for name in recipe:
            client = registry_of(model, settings).client
            told |= {RESTORED: name} if is_deleted(client, name) else {}
            experiment(client, name, settings.mlflow_artifacts, settings.mlflow_lock)
        print(json.dumps(told))
    except UserError as error:
        print(json.dumps(as_record(error)), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
