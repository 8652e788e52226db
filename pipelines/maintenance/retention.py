"""Which finished runs somebody may still ask for, and why: what gc keeps.

What is needed is found from its roots: every version that an alias or a journal names, the newest finished run of
each recipe and flow, and each run that has not ended well since. All that a needed run was given is needed too.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pipelines.engine import journal
from pipelines.engine.journal import StageLine
from pipelines.engine.manifest import Manifest
from pipelines.graph import FLOWS
from pipelines.registry.record import REFERENCE, references
from pipelines.registry.registry import journal_of, registry_of
from pipelines.settings import Settings


class Root(NamedTuple):
    reference: str
    why: str


class Run(NamedTuple):
    """One journal. recipe: name. flow: "" where the journal does not say. ended: well, in full."""

    name: str
    recipe: str
    flow: str
    started: float
    ended: bool
    references: tuple[str, ...]


def needed(roots: Iterable[Root], given: Callable[[str], Iterable[str]]) -> dict[str, str]:
    """Reference -> why it is needed, the first reason: the roots and all that they were given, transitively.

    given: the references that a run was given; none where it is not in the store.
    """
    found: dict[str, str] = {}
    for root in roots:
        waiting = [root.reference]
        while waiting:
            if (reference := waiting.pop()) not in found:
                found[reference] = root.why
                waiting += given(reference)
    return found


def of_models(settings: Settings, manifests: Mapping[str, Manifest]) -> list[Root]:
    """Roots: the runs of every version that has an alias, or that a promotion's journal names.

    Raises:
        UserError: MLflow cannot be opened: then nobody knows what is needed.
    """
    registry = registry_of("any", settings)
    named = {str(model.name): dict(model.aliases) for model in _models(registry.client)}
    named |= {file.stem: {} for file in (settings.home / "journal").glob("*.jsonl") if file.stem not in named}
    roots = []
    for name, aliases in sorted(named.items()):
        why = {str(version): f"{name} version {version}, {alias}" for alias, version in aliases.items()}
        for entry in journal_of(name, settings).entries():
            for version in (entry.from_version, entry.to_version):
                if version is not None:
                    why.setdefault(version, f"{name} version {version}, in the journal")
        registry = registry_of(name, settings)
        for version, reason in why.items():
            tags = registry.tags(version) if registry.exists(version) else {}
            roots += [Root(value, reason) for value in tags.values() if REFERENCE.fullmatch(value)]
        roots += [  # of versions that were deleted in MLflow too: they may be brought back
            Root(reference, why[str(manifest.output["version"])])
            for reference, manifest in manifests.items()
            if manifest.stage == "register"
            and manifest.output.get("name") == name
            and str(manifest.output.get("version")) in why
        ]
    return roots


def runs(settings: Settings, manifests: Mapping[str, Manifest]) -> list[Run]:
    """Every run that has a journal."""
    found = []
    for file in sorted((settings.home / "runs").glob("*.jsonl")):
        head: dict[str, object] = {}
        for record in journal.records(file):
            head.update(record if "stage" not in record else {})
        lines = journal.stages(settings.home, file.stem)
        made = [line.reference for line in lines if line.reference]
        recipe = next((manifests[r].recipe for r in made if r in manifests), _recipe(file.stem, head))
        began = float(str(head.get("started", min((line.started for line in lines), default=0.0))))
        flow = str(head.get("flow", "") or _flow(lines))
        ended = "ended" in head and not head.get("error")
        found.append(Run(file.stem, recipe, flow, began, ended, tuple(made)))
    return sorted(found, key=lambda run: run.started)


def of_runs(found: Iterable[Run]) -> list[Root]:
    """Roots: of each recipe and flow the newest run that ended well, and every run since that did not."""
    listed = list(found)
    reasons = {run: f"newest {run.flow} run of {run.recipe}" for run in _newest(listed).values()}
    reasons |= {run: f"run {run.name}, not ended" for run in _open(listed)}
    return [Root(reference, reasons[run]) for run in listed if run in reasons for reference in run.references]


def open_since(found: Iterable[Run]) -> float | None:
    """When the earliest run began that may still be taken up again; None where there is none."""
    return min((run.started for run in _open(list(found))), default=None)


def _newest(found: list[Run]) -> dict[tuple[str, str], Run]:
    return {(run.recipe, run.flow): run for run in found if run.ended}  # in order of time: the last one stays


def _open(found: list[Run]) -> list[Run]:
    newest = _newest(found)
    since = {place: run.started for place, run in newest.items()}
    return [run for run in found if not run.ended and run.started > since.get((run.recipe, run.flow), -1.0)]


def given(
    manifests: Mapping[str, Manifest], look: Callable[[str], Manifest | None] = lambda reference: None
) -> Callable[[str], list[str]]:
    """For needed(): what a run was given, as its manifest says. look: where else one may be."""

    def above(reference: str) -> list[str]:
        manifest = manifests.get(reference) or look(reference)
        return [] if manifest is None else references(manifest.given)

    return above


def _recipe(run: str, head: Mapping[str, object]) -> str:
    """Of a run that was killed before a stage had ended: as journal.new_run wrote it, else by its file."""
    named = re.fullmatch(r"\d{8}T\d{6}-\d{3}-(.+)", run)
    return named[1] if named else Path(str(head.get("recipe", ""))).stem


def _flow(lines: list[StageLine]) -> str:
    """By its last stage; a training that has not come to its end is one by its other stages."""
    made = {line.stage for line in lines}
    ends = [flow for flow, stages in FLOWS.items() if flow != "ingest" and stages[-1] in made]
    return ends[0] if ends else "train"


def _models(client: Any) -> list[Any]:
    token: str | None = None
    found: list[Any] = []
    while True:
        page = client.search_registered_models(max_results=1000, page_token=token)
        found += list(page)
        if not (token := page.token):
            return found
