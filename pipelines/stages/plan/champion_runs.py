"""The champion's runs: which are there, whether they are what today's recipe and code would give, which stand.

Code that differs with the same VERSION of the stage does not count as other code where the recipe keeps what there is.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from components.errors import UserError
from pipelines.engine.artifact import Artifact
from pipelines.engine.context import Context
from pipelines.engine.manifest import Manifest
from pipelines.engine.store import is_finished, read_manifest
from pipelines.graph import GRAPH, references
from pipelines.inference.samples import arrays_digest, packing_of
from pipelines.recipe import FILLED
from pipelines.stages.plan.decision import Decision, OnCodeChange

# Of pretrain's request: no part of what it gives from scratch. How samples are packed is compared by itself.
BESIDE = ("snapshot", "plan", "start", "warm", "modality")
NEEDED = (("pretrain", "encoder"), ("pretrain", "checkpoint"), ("finetune", "model"), ("finetune", "config"))


class Today(NamedTuple):
    """asked: by stage, what the recipe asks of it, in the order of the graph. version, code: by stage, of the code as
    it is. on_code_change: what other code of the same version means."""

    asked: Mapping[str, Mapping[str, Any]]
    version: Mapping[str, int]
    code: Mapping[str, str]
    on_code_change: OnCodeChange

    def made(self, run: Manifest) -> bool:
        """Whether this run stands for one by today's code."""
        kept = self.on_code_change == "keep" or self.same_code(run)
        return run.version == self.version[run.stage] and kept

    def same_code(self, run: Manifest) -> bool:
        return run.code.startswith(self.code[run.stage])


class ChampionRuns:
    """runs: stage -> manifest of those that are there; references beside them. lost: what a plan needs and is not,
    the files of NEEDED, which a warm start reads, among it.

    base, then: the snapshots that its encoder was pretrained and fine-tuned on.
    """

    def __init__(self, seen: dict[str, str], context: Context) -> None:
        self.references = {name: ref for name, ref in seen.items() if ref.startswith(f"{name}/")}
        self.runs = {name: read_manifest(ref, context.store) for name, ref in self.references.items()}
        self.lost: list[str] = []
        for name in ("pretrain", "finetune"):
            if name not in self.runs:
                self.lost.append(seen.get(name, f"the run of {name}").removeprefix("gone: "))
            elif not is_finished(above := str(self.runs[name].given["snapshot"]), context.store):
                self.lost.append(above)
        if self.lost:
            return
        self.base, self.then = (str(self.runs[name].given["snapshot"]) for name in ("pretrain", "finetune"))
        for name, file in NEEDED:
            made = self.runs[name].output.get(file)
            if made is None:  # a finetune without labels: no model
                continue
            try:
                context.file(self.references[name], Artifact.model_validate(made))
            except UserError:
                self.lost.append(f"{self.references[name]}/{made['path']}")

    def ancestors(self, context: Context) -> list[str]:
        """The snapshots of the runs that its pretraining was warm-started from, one a generation, nearest first."""
        found, start = [], self.runs["pretrain"].given.get("start")
        while start and is_finished(str(start["parent"]), context.store):
            parent = read_manifest(str(start["parent"]), context.store)
            found.append(str(parent.given["snapshot"]))
            start = parent.given.get("start")
        return found

    def changed(self, today: Today, now: Manifest, base: Manifest) -> str | None:
        """What of the recipe or the code is another than when its encoder was trained: the start of a sentence.
        now, base: the snapshots of today and of its pretraining."""
        run = self.runs["pretrain"]
        keys = differing(run.given, today.asked["pretrain"], BESIDE)
        if keys:
            return f"the recipe's pretraining is another ({', '.join(keys)})"
        if run.version != today.version["pretrain"]:
            return f"pretraining is of version {today.version['pretrain']} now, not {run.version}: another"
        if not packing_of(base.output).reads(packing_of(now.output)):
            return "the recipe's modality is another"
        if today.on_code_change == "scratch" and not today.same_code(run):
            return "the code of pretraining is another"
        return None

    def other_code(self, today: Today) -> list[str]:
        """The stages whose code differs from what made the champion's run of them, with the same version."""
        made = [self.runs[stage] for stage in today.asked if stage in self.runs]
        alike = [run for run in made if run.version == today.version[run.stage]]
        return [run.stage for run in alike if not today.same_code(run)]

    def settled(self, decision: Decision, snapshot: str, today: Today, context: Context) -> dict[str, str]:
        """Stage -> the reference that stands instead of running it."""
        if decision not in ("skip", "labels"):
            return {}
        settled = {"pretrain": self.references["pretrain"]}
        one, other = (read_manifest(reference, context.store) for reference in (snapshot, self.then))
        if decision == "skip" and _alike(one, other, today.on_code_change):
            settled["snapshot"] = snapshot = self.then
        if self._embeds(snapshot, today, context):
            settled["embed"] = self.references["embed"]
        if "snapshot" in settled and "embed" in settled:
            settled |= self._later(settled, today)
        return settled

    def _later(self, settled: Mapping[str, str], today: Today) -> dict[str, str]:
        """The runs behind the features that today's would only repeat, up to the first that they would not."""
        found: dict[str, str] = {}
        for stage in today.asked:
            run = self.runs.get(stage)
            if stage in settled or run is None:
                continue
            above = references(stage, {**dict.fromkeys(GRAPH, ""), **settled, **found})
            same = above == {name: reference for name, reference in run.given.items() if name in GRAPH}
            if (
                not same
                or differing(run.given, today.asked[stage], ("modality", *GRAPH, *FILLED.get(stage, ())))
                or not today.made(run)
            ):
                break
            found[stage] = self.references[stage]
        return found

    def continued(self, decision: Decision) -> str | None:
        """The run of pseudo_label whose cluster ids go on. Where all stays, the one that the champion's own
        went on from: asked the same, it is found."""
        if "pseudo_label" not in self.runs:
            return None
        if decision != "skip":
            return self.references["pseudo_label"]
        before: str | None = self.runs["pseudo_label"].given.get("previous")
        return before

    def tuned(self, decision: Decision) -> str | None:
        """The run of finetune whose answers a fine-tuning learns from: the champion's own after a warm start; where
        all stays, the one that it learnt from itself."""
        if decision == "warm":
            return self.references["finetune"]
        learnt: str | None = self.runs["finetune"].given.get("champion")
        return learnt if decision == "skip" else None

    def _embeds(self, snapshot: str, today: Today, context: Context) -> bool:
        """Whether its features are those of this snapshot: made as today, of the same samples row by row."""
        run = self.runs.get("embed")
        if run is None or not is_finished(over := str(run.given["snapshot"]), context.store):
            return False
        digests = [arrays_digest(read_manifest(ref, context.store).output) for ref in (over, snapshot)]
        return (
            run.given["pretrain"] == self.references["pretrain"]
            and not differing(run.given, today.asked["embed"], ("snapshot", "pretrain", "modality"))
            and today.made(run)
            and digests[0] == digests[1]
        )


def differing(made: Mapping[str, Any], asked: Mapping[str, Any], beside: tuple[str, ...]) -> list[str]:
    """The keys, sorted, that two requests have with another value, those of `beside` left out."""
    keys = sorted((made.keys() | asked.keys()) - set(beside))
    return [key for key in keys if made.get(key) != asked.get(key)]


def _alike(one: Manifest, other: Manifest, on_code_change: OnCodeChange) -> bool:
    """Whether the same data give the same snapshot by both: `expect` only refuses."""
    kept = on_code_change == "keep" or one.code == other.code
    return kept and one.version == other.version and not differing(one.given, other.given, ("expect",))
