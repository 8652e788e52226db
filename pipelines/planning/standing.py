"""The champion's runs: which are there, whether they are what today's recipe and code would give, which stand."""

from typing import Any

from components.errors import UserError
from pipelines.pixels import packed_as, same_pixels
from pipelines.planning.verdict import Decision
from pipelines.store import Artifact, Context, Manifest, is_finished, read_manifest

BESIDE = ("snapshot", "plan", "start", "warm")  # of pretrain's request: no part of what it gives from scratch
NEEDED = (("pretrain", "encoder"), ("pretrain", "checkpoint"), ("finetune", "model"), ("finetune", "config"))


class Standing:
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

    def changed(self, asked: dict[str, Any], today: Manifest, base: Manifest, code: str) -> str | None:
        """What of the recipe or the code is another than when its encoder was trained: the start of a sentence."""
        made = {key: value for key, value in self.runs["pretrain"].given.items() if key not in BESIDE}
        asked = {key: value for key, value in asked.items() if key not in BESIDE}
        keys = sorted(key for key in made.keys() | asked.keys() if made.get(key) != asked.get(key))
        if keys:
            return f"the recipe's pretraining is another ({', '.join(keys)})"
        if not same_pixels(*(packed_as(made.given, made.output) for made in (today, base))):
            return "the recipe's modality is another"
        return None if self.runs["pretrain"].code.startswith(code) else "the code of pretraining is another"

    def settled(
        self, decision: Decision, snapshot: str, asked: dict[str, Any], code: str, context: Context
    ) -> dict[str, str]:
        """Stage -> the reference that stands instead of running it. asked, code: of embed, as they are today."""
        if decision not in ("skip", "labels"):
            return {}
        settled = {"pretrain": self.references["pretrain"]}
        if decision == "skip" and _alike(*(read_manifest(r, context.store) for r in (snapshot, self.then))):
            settled["snapshot"] = snapshot = self.then
        if self._embeds(snapshot, asked, code, context):
            settled["embed"] = self.references["embed"]
        return settled

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

    def _embeds(self, snapshot: str, asked: dict[str, Any], code: str, context: Context) -> bool:
        """Whether its features are those of this snapshot: made as today, of the same pixels row by row."""
        embed = self.runs.get("embed")
        if embed is None or not is_finished(over := str(embed.given["snapshot"]), context.store):
            return False
        made = {key: value for key, value in embed.given.items() if key not in ("snapshot", "pretrain")}
        pixels = [read_manifest(ref, context.store).output["images"]["sha256"] for ref in (over, snapshot)]
        return (
            embed.given["pretrain"] == self.references["pretrain"]
            and made == asked
            and embed.code.startswith(code)
            and pixels[0] == pixels[1]
        )


def _alike(one: Manifest, other: Manifest) -> bool:
    """Whether the same data give the same snapshot by both: `expect` only refuses."""

    def asked(made: Manifest) -> dict[str, Any]:
        return {key: value for key, value in made.given.items() if key != "expect"}

    return (one.version, one.code, asked(one)) == (other.version, other.code, asked(other))
