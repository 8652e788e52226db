"""What a plan means for a stage after it: found at once, another snapshot, or more in its request."""

from pathlib import Path
from typing import Any, NamedTuple

from components.errors import UserError
from pipelines.engine.manifest import Identity, Manifest
from pipelines.engine.store import is_finished, read_manifest


class Applied(NamedTuple):
    """found: the run that stands in place of this stage. done: with the snapshot that the plan has settled.
    more: what the request gets beside the recipe's section."""

    found: str | None
    done: dict[str, str]
    more: dict[str, Any]


def same_but_plan(identity: Identity, store: Path) -> str | None:
    """Of a stage that is given the plan: a finished run that differs in the plan alone, where the plan is to do
    nothing. The first run after a training plans anew, as there is a champion now: what it would tell is told already.
    """
    plan = identity.given.get("plan")
    if plan is None or read_manifest(plan, store).output["decision"] != "skip":
        return None
    wanted = _without_plan(identity)
    for file in sorted(store.glob(f"{identity.stage}/[!.]*/manifest.json")):
        if _without_plan(Manifest.model_validate_json(file.read_bytes())) == wanted:
            return f"{identity.stage}/{file.parent.name}"
    return None


def _without_plan(made: Identity) -> dict[str, Any]:
    named = made.model_dump(mode="json", include=set(Identity.model_fields))
    return {**named, "given": {key: value for key, value in made.given.items() if key != "plan"}}


def applied(stage: str, done: dict[str, str], store: Path) -> Applied:
    """done: references of the stages before it. Without a plan among them nothing is changed.

    Raises:
        UserError: the plan, or a run that it has settled, is not in the store.
    """
    if "plan" not in done:
        return Applied(None, done, {})
    plan = read_manifest(done["plan"], store).output
    settled: dict[str, str] = plan["settled"]
    done = {name: settled.get(name, reference) for name, reference in done.items()}
    if (found := settled.get(stage)) is not None and not is_finished(found, store):
        raise UserError(
            "run-gone",
            f"{found} stands by the plan and is gone from the store; run again: the plan is made anew",
        )
    more: dict[str, Any] = {}
    if stage == "pretrain" and plan["parent"] is not None:
        more["start"] = {"parent": plan["parent"]}
    if stage == "finetune" and plan.get("tuned") is not None:
        more["champion"] = plan["tuned"]
    if stage == "pseudo_label" and plan["previous"] is not None:
        more["previous"] = plan["previous"]
    if stage in ("register", "promote") and plan.get("deleted") is not None:
        more["deleted"] = plan["deleted"]
    return Applied(found, done, more)
