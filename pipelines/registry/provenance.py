"""Where a result comes from: the commit, the lock file, and every finished run that it was made of."""

import hashlib
import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from components.tasks.registry import task_name, task_of
from pipelines.engine.code_digest import ROOT
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import read_manifest
from pipelines.graph import GRAPH
from pipelines.recipe import FILLED


def lineage(references: list[str], store: Path) -> dict[str, tuple[str, Manifest]]:
    """Stage -> its reference and manifest, of these runs and all above them. Where a stage is met twice (a
    settled pretraining has an older snapshot above it), the one that is the fewest steps away counts."""
    found: dict[str, tuple[str, Manifest]] = {}
    waiting = list(references)
    while waiting:
        manifest = read_manifest(reference := waiting.pop(0), store)
        if manifest.stage not in found:
            found[manifest.stage] = reference, manifest
            waiting += [str(manifest.given[stage]) for stage in GRAPH if stage in manifest.given]
    return {stage: found[stage] for stage in GRAPH if stage in found}


def origin(references: list[str], context: Context) -> dict[str, str]:
    """Where the model of these runs comes from, as tags of its version: data, recipe, code, packages, machine,
    seeds, the runs above it, figures.

    selfsup.recipe_text is YAML: name, modality and what each stage was asked, without the references, which have
    tags of their own; its data comes by selfsup.data, so there is no inbox. selfsup.benefit: what the method has gained
    by the labels alone. selfsup.start: the pretraining that
    this one went on from. selfsup.previous: the pseudo-labels whose cluster ids were continued.
    """
    above = lineage(references, context.store)
    manifests = {stage: manifest for stage, (_, manifest) in above.items()}
    seeds = {stage: m.request["seed"] for stage, m in manifests.items() if "seed" in m.request}
    evaluating = manifests["evaluate"]
    evaluated = evaluating.output
    metrics = evaluated.get("metrics") or {}
    tags = {
        "selfsup.recipe": context.recipe,
        "selfsup.recipe_text": recipe_text(context.recipe, manifests),
        "selfsup.data": str(manifests["snapshot"].output.get("version")),
        "selfsup.commit": git_commit(ROOT),
        "selfsup.lock": lock_hash(ROOT),
        "selfsup.seeds": json.dumps(seeds, sort_keys=True),
        "selfsup.seconds": f"{sum(manifest.seconds for manifest in manifests.values()):.1f}",
        "selfsup.device": context.settings.device,
        "selfsup.workers": str(context.settings.workers),
        "selfsup.processes": json.dumps(_processes(manifests)),
    }
    tags |= {f"selfsup.{stage}": reference for stage, (reference, _) in above.items()}
    start = (manifests["pretrain"].given.get("start") or {}).get("parent")
    previous = manifests["pseudo_label"].given.get("previous") if "pseudo_label" in manifests else None
    tags |= {f"selfsup.{key}": value for key, value in (("start", start), ("previous", previous)) if value}
    task = task_of(evaluating.given)
    told = (task.headline, f"{task.headline}_low", f"{task.headline}_high", *task.figures)
    tags |= {f"selfsup.figure.{name}": f"{metrics[name]:.6g}" for name in told if name in metrics}
    tags["selfsup.task"] = task_name(evaluating.given)
    if benefit := evaluated.get("benefit"):
        tags["selfsup.benefit"] = "; ".join([benefit["line"], *benefit["warnings"]])
    baselines = evaluated.get("baselines") or {}
    return tags | {"selfsup.figure.baselines": json.dumps(baselines, sort_keys=True)}


def _processes(manifests: Mapping[str, Manifest]) -> dict[str, int]:
    """How many processes shared the batches of each training."""
    return {stage: m.output["processes"] for stage, m in manifests.items() if m.output.get("processes")}


def recipe_text(name: str, manifests: Mapping[str, Manifest]) -> str:
    """What the stages of these manifests were asked, as YAML."""
    given = manifests["snapshot"].given if "snapshot" in manifests else {}
    top: dict[str, Any] = {"modality": given.get("modality")}
    if "task" in given:
        top["task"] = given["task"]
    asked = {
        stage: {
            key: value
            for key, value in manifest.given.items()
            if key not in (*GRAPH, *FILLED.get(stage, ())) and not (key in top and value == top[key])
        }
        for stage, manifest in manifests.items()
    }
    sections = {stage: section for stage, section in asked.items() if section}
    return yaml.safe_dump({"name": name, **top, **sections}, sort_keys=False)


def git_commit(root: Path) -> str:
    """The commit of the code, '+changes' where the checkout differs, 'unknown' where there is none."""
    asked = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    said = []
    for arguments in asked:
        try:
            done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
        except OSError:
            return "unknown"
        if done.returncode != 0:
            return "unknown"
        said.append(done.stdout.strip())
    return said[0] + ("+changes" if said[1] else "")


def lock_hash(root: Path) -> str:
    """Sha256 of the lock file of the environment; 'unknown' where there is none."""
    file = root / "requirements.lock"
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "unknown"
