"""What a run came to, as JSON values: `selfsup run --json`."""

from typing import Any

from pipelines.engine import journal
from pipelines.engine.store import read_manifest
from pipelines.settings import Settings


def result(run: str, settings: Settings) -> dict[str, Any]:
    """Of a run that ended well.

    Returns:
        run, its recipe and flow; stages: stage, status, reference, seconds, memory (bytes) of each in order; skipped:
        stage -> why it made nothing; plan: decision and reason; model: name, version and whether it was promoted;
        metrics; report: path of the page. None where the flow has no such stage.
    """
    head, lines = journal.head_of(settings.home, run), journal.stages(settings.home, run)
    made = {line.stage: read_manifest(line.reference, settings.store) for line in lines}
    said = {stage: manifest.output for stage, manifest in made.items()}
    registered = said.get("register", {})
    model = {name: registered.get(name) for name in ("name", "version")} | {
        "promoted": bool(said.get("promote", {}).get("promoted"))
    }
    plan = {name: said["plan"][name] for name in ("decision", "reason")} if "plan" in said else None
    fields = ("stage", "status", "reference", "seconds", "memory")
    report = next((line.reference for line in lines if line.stage == "report"), None)
    return {
        "run": run,
        "recipe": next((manifest.recipe for manifest in made.values()), None),
        "flow": head.get("flow", "train"),
        "stages": [line.model_dump(include=set(fields)) for line in lines],
        "skipped": {stage: output["skipped"] for stage, output in said.items() if output.get("skipped")},
        "plan": plan,
        "model": model if registered.get("version") else None,
        "metrics": said.get("evaluate", {}).get("metrics"),
        "report": None if report is None else str(settings.store / report / said["report"]["page"]["path"]),
    }
