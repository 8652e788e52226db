"""Rebuild a registered model from its record, in a store of its own where nothing is found, and compare.

Each run of the record is asked again for what it was given, on the data version of its time; a model that began
warm has its parents in the record, and they are rebuilt before it. On a CPU, with the same code and packages, the
model comes out bit by bit as it was.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from components.data import versions
from components.errors import UserError, coded
from components.wording import counted
from pipelines.engine import journal
from pipelines.engine.code_digest import ROOT, code_digest
from pipelines.engine.execute import Watch, execute
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import read_manifest
from pipelines.flows.run import home_lock
from pipelines.graph import GRAPH, ORDER_ONLY
from pipelines.maintenance.forget.record import refuse_erased
from pipelines.recipe import Recipe
from pipelines.registry.promotion import model_name
from pipelines.registry.provenance import git_commit, lock_hash
from pipelines.registry.record import Record, load, references, tags_of
from pipelines.settings import Settings

DONE = "result.json"


class Line(NamedTuple):
    """One figure of the model: as it was registered, and as it came out now."""

    figure: str
    then: str
    now: str

    @property
    def equal(self) -> bool:
        return self.then == self.now


def reproduce(
    recipe: str, asked: str, settings: Settings, say: Callable[[str], None], watch: Watch
) -> list[Line]:
    """Version `asked` (a number or an alias) of a recipe's model, made anew; begun before, it goes on.

    Raises:
        UserError: there is no such version; a part of its record or its data is gone; another reproduction of
            it is at work.
        StageError: a stage failed.
    """
    model = model_name(recipe, settings)
    version, tags = tags_of(model, asked, settings)
    record = load(model, version, tags, settings)
    for text in differences(tags, record, settings):
        say(text)
    scratch = settings.home / "reproduce" / f"{model}-{version}"
    with home_lock(scratch):
        if (scratch / DONE).exists():  # of an earlier time: this is a new one
            for old in scratch.iterdir():
                if old.is_dir():
                    shutil.rmtree(old)
            (scratch / DONE).unlink()
        say(f"rebuilding {model} version {version}: {counted(len(record), 'run')}, in {scratch}")
        made = rebuild(record, settings, scratch, watch)
        evaluated = tags["selfsup.evaluate"]
        then, now = record[evaluated], read_manifest(made[evaluated], scratch / "store")
        finetuned = references(then.given["finetune"])[0]
        snapshot = references(then.given["snapshot"])[0]
        lines = [
            Line("data version", str(tags.get("selfsup.data")), _output(made[snapshot], scratch)["version"]),
            Line(
                "model digest",
                str(tags.get("selfsup.digest")),
                model_digest(_output(made[finetuned], scratch)),
            ),
            *compare(then.output, now.output),
        ]
        (scratch / DONE).write_text(json.dumps([line._asdict() for line in lines], indent=1) + "\n")
    return lines


def rebuild(record: Record, settings: Settings, scratch: Path, watch: Watch) -> dict[str, str]:
    """Run again what the record holds; old reference -> new one."""
    made: dict[str, str] = {}
    run = journal.new_run(scratch.name)
    for reference, manifest in record.items():
        data = scratch / "data"
        if manifest.stage == "snapshot":
            version = str(manifest.output["version"])
            data = scratch / "versions" / version[:32] / "data"
            refuse_erased(version, settings.home)
            watch({"stage": "snapshot", "say": f"data version {version} from {settings.dvc_remote}"})
            versions.restore(data, version, settings.dvc_remote, scratch / "dvc-cache")
        given = replaced(manifest.given, made)
        asked = {reference.partition("/")[0]: reference for reference in references(given)}
        lacking = [s for s in GRAPH[manifest.stage] if s not in (*asked, *ORDER_ONLY.get(manifest.stage, ()))]
        if lacking:
            raise UserError(
                "record-incomplete",
                f"{reference}: this code needs a run of {lacking[0]} for it, and the record has none",
            )
        there = _apart(settings, scratch, data, manifest.output.get("processes"))
        made[reference] = execute(manifest.stage, _recipe(manifest, given), asked, there, run, watch)
    return made


def replaced(value: Any, made: Mapping[str, str]) -> Any:
    """A JSON value with every old reference in it made the new one."""
    if isinstance(value, str):
        return made.get(value, value)
    if isinstance(value, Mapping):
        return {key: replaced(item, made) for key, item in value.items()}
    return [replaced(item, made) for item in value] if isinstance(value, list | tuple) else value


def differences(tags: Mapping[str, str], record: Record, settings: Settings) -> list[str]:
    """What is not as it was when the model was made, a line each: the figures may then differ."""
    pairs = (
        ("commit", tags.get("selfsup.commit"), git_commit(ROOT)),
        ("lock file", tags.get("selfsup.lock"), lock_hash(ROOT)),
        ("device", tags.get("selfsup.device"), settings.device),
    )
    said = [
        f"warning {coded('environment-differs', f'the {what} was {then}, and is {now} here')}"
        for what, then, now in pairs
        if then != now
    ]
    stages = sorted(
        {made.stage for made in record.values() if made.code != code_digest(made.stage, made.given)}
    )
    if stages:
        text = f"the code of {', '.join(stages)} is another: for the same bytes check out the commit"
        said.append(f"warning {coded('code-changed', text)}")
    return said


def compare(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Line]:
    """The figures of two evaluations, side by side."""
    lines = []
    for group in ("metrics", "baselines", "frozen"):
        old, new = then.get(group) or {}, now.get(group) or {}
        lines += [
            Line(f"{name}", repr(old.get(name)), repr(new.get(name))) for name in dict.fromkeys([*old, *new])
        ]
    return lines


def model_digest(finetuned: Mapping[str, Any]) -> str:
    """What register calls the digest of the model, out of the fine-tuning's output."""
    from components.registry.champion import FILES, combined

    if finetuned.get("model") is None:
        return f"none: {finetuned.get('skipped')}"
    return combined({name: str(finetuned[key]["sha256"]) for key, name in FILES.items()})


def table(lines: Iterable[Line]) -> list[str]:
    """For a person to read, a line a figure."""
    rows = [("figure", "then", "now", "equal")]
    rows += [(x.figure, _short(x.then), _short(x.now), "yes" if x.equal else "NO") for x in lines]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return ["  ".join([*(c.ljust(n) for c, n in zip(row, widths, strict=False)), row[3]]) for row in rows]


def _short(text: str) -> str:
    return text if len(text) <= 24 else f"{text[:16]}...{text[-5:]}"


def _output(reference: str, scratch: Path) -> dict[str, Any]:
    return read_manifest(reference, scratch / "store").output


def _recipe(manifest: Manifest, given: dict[str, Any]) -> Recipe:
    """A recipe that asks one stage for just what it was given."""
    return Recipe(
        name=manifest.recipe, file=Path("record"), modality={}, inbox=Path(), sections={manifest.stage: given}
    )


def _apart(settings: Settings, scratch: Path, data: Path, processes: int | None) -> Settings:
    """As here, with everything that is written below `scratch`, on this machine; `processes` share a batch if they
    did so then, whatever cores this machine has."""
    kept = {name: getattr(settings, name) for name in ("recipes", "dvc_remote", "workers", "device", "debug")}
    return Settings(home=scratch, data=data, cpus=processes or settings.cpus, **kept)
