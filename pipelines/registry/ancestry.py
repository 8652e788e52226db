"""The champion and the runs that made it, as plan observes them; and a place in MLflow for the next model.

MLflow takes seconds and 200 MB to import, so it is asked in a process of its own that ends with its answer:
python -m pipelines.registry.ancestry MODEL.
"""

import json
import logging
import subprocess
import sys

from components.errors import UserError, as_record, coded, from_record
from components.registry.journal import CHAMPION
from components.registry.mlflow_registry import experiment, is_deleted
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
    command = [sys.executable, "-m", "pipelines.registry.ancestry", model, *([recipe] if recipe else [])]
    asked = subprocess.run(command, env=child_environ(settings), capture_output=True, text=True)
    if asked.returncode == 2:
        raise from_record(json.loads(asked.stderr.strip().splitlines()[-1]))
    if asked.returncode != 0:
        last = asked.stderr.strip().splitlines()[-1:] or ["no word"]
        raise RuntimeError(f"asking MLflow for the champion ended with code {asked.returncode}: {last[0]}")
    told: dict[str, str] = json.loads(asked.stdout.splitlines()[-1])
    if name := told.pop(RESTORED, None):
        text = f"the experiment {name} was deleted in MLflow; it is restored with its runs"
        log.warning(coded("experiment-restored", text))
    lost = {s: GONE + r for s, r in told.items() if s in GRAPH and not is_finished(r, settings.store)}
    return told | lost


def ask(model: str, settings: Settings) -> dict[str, str]:
    """The same, asked in this process, without a look at the store."""
    registry = registry_of(model, settings)
    version = registry.alias(CHAMPION)
    if version is None:
        entries = journal_of(model, settings).entries()
        named = [entry.to_version for entry in entries if entry.state == "done" and entry.to_version]
        return {"deleted": named[-1]} if named else {}
    made = registry.client.get_model_version(model, version)
    tags = {key.removeprefix("selfsup."): str(value) for key, value in made.tags.items()}
    tags |= {"register": tags["reference"]} if "reference" in tags else {}
    runs = {key: value for key, value in tags.items() if key in (*GRAPH, "digest")}
    return {"version": version, "created": str(made.creation_timestamp // 1000), **runs}


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
