"""The decision: from what was counted and measured to one of four words, and a sentence that says why."""

from typing import Literal, Protocol

from components.config import Config
from components.errors import UserError
from components.monitoring.drift import error_rate
from components.wording import counted

Decision = Literal["skip", "labels", "warm", "scratch"]
OnCodeChange = Literal["keep", "warm", "scratch"]


class Policy(Protocol):
    """The part of the request that is the user's; see the plan stage."""

    @property
    def force(self) -> Literal["warm", "scratch"] | None: ...
    @property
    def policy(self) -> Literal["auto", "always", "never"]: ...
    @property
    def new_share(self) -> float: ...
    @property
    def level(self) -> float: ...
    @property
    def needed(self) -> int: ...
    @property
    def windows(self) -> int: ...
    @property
    def max_age_days(self) -> float | None: ...
    @property
    def generations(self) -> int: ...
    @property
    def on_code_change(self) -> OnCodeChange: ...


class Facts(Config):
    """version: of the champion, or None. deleted: the version that was it by the journal. lost: what is missing
    of its runs. changed: what is another in recipe or code. other_code: the stages whose code differs with
    the same version. spoiled: today's test samples that its encoder was
    trained on. generation: warm starts in a row behind it. new, old, labels: as counted. windows: deliveries that
    were compared; drifted: by the rule. old_age: older than the recipe allows. pretrained: a pretraining on the same
    images, where there is no champion."""

    version: str | None = None
    deleted: str | None = None
    lost: tuple[str, ...] = ()
    changed: str | None = None
    other_code: tuple[str, ...] = ()
    spoiled: int = 0
    generation: int = 0
    new: int = 0
    old: int = 0
    labels: int = 0
    windows: int = 0
    drifted: bool = False
    old_age: bool = False
    pretrained: str | None = None


def decide(policy: Policy, facts: Facts) -> tuple[Decision, str]:
    """The decision and its reason, one sentence.

    Raises:
        UserError: a warm start is forced where none is possible.
    """
    from_scratch = _impossible(facts)
    if policy.force == "warm" and from_scratch:
        raise UserError(
            "warm-start-impossible",
            f"a warm start is asked for and cannot be: {from_scratch}; leave force out, or force scratch",
        )
    if policy.force:
        how = (
            f"a warm start from version {facts.version}"
            if policy.force == "warm"
            else "training from scratch"
        )
        return policy.force, f"{how[0].upper()}{how[1:]}, because a person asked for it."
    if facts.pretrained is not None:
        return "labels", (
            f"There is no champion yet, and {facts.pretrained} was trained on the same images: its encoder stays, what "
            "depends on labels is made anew."
        )
    if from_scratch:
        size = counted(facts.new + facts.old, "sample")
        return "scratch", f"Training from scratch on {size}: {from_scratch}."
    decision, reason = _weighed(policy, facts)
    if facts.other_code and policy.on_code_change == "keep" and decision != "scratch":
        reason += f" {_kept(facts)}"
    return decision, reason


def _kept(facts: Facts) -> str:
    return (
        f"The code of {', '.join(facts.other_code)} is not that of version {facts.version}, with the same VERSION: "
        "what it made is kept (plan.on_code_change: keep)."
    )


def _impossible(facts: Facts) -> str | None:
    """Why there is nothing to start from."""
    champion = f"version {facts.version}"
    if facts.deleted is not None and facts.version is None:
        return f"version {facts.deleted} was the champion by the journal and is none any more in MLflow"
    if facts.version is None:
        return "there is no champion yet"
    if facts.lost:
        return f"of the champion, {champion}, the store no longer has {', '.join(facts.lost)}"
    if facts.changed:
        return f"{facts.changed} than that of the champion, {champion}"
    if facts.spoiled:
        return f"the encoder of {champion} was trained on {facts.spoiled:,} of what are test samples now"
    return None


def _weighed(policy: Policy, facts: Facts) -> tuple[Decision, str]:
    champion, share = f"version {facts.version}", facts.new / max(1, facts.old)
    counted = f"{_many(facts.new, 'new sample')} {share:.1%} of the {facts.old:,} that {champion} has seen"
    if why := _worth(policy, facts, share, counted):
        if facts.generation >= policy.generations:
            return (
                "scratch",
                f"{why}, and {facts.generation} warm starts in a row are enough: training from scratch.",
            )
        return "warm", f"{why}: warm start from {champion}."
    told = "no new samples" if not facts.new else counted
    if facts.new and policy.policy == "auto":
        told += f" (from {policy.new_share:.1%} on they are worth a training)"
    if facts.labels:
        return "labels", (
            f"{_many(facts.labels, 'label')} new or changed, and {told}: the encoder of {champion} stays, "
            "what depends on labels is made anew."
        )
    return "skip", f"No new labels, and {told}: {champion} stays."


def _worth(policy: Policy, facts: Facts, share: float, counted: str) -> str | None:
    """Why a training is warranted, if it is."""
    if policy.on_code_change == "warm" and "pretrain" in facts.other_code:
        return "The code of pretraining is another, and plan.on_code_change is warm"
    if not facts.new or policy.policy == "never":
        return None
    if policy.policy == "always":
        return f"{_many(facts.new, 'new sample').rpartition(' ')[0]}, and the policy is to train on any"
    if share >= policy.new_share:
        return counted
    if facts.drifted:
        rate = error_rate(policy.level, policy.needed, policy.windows)
        last = min(facts.windows, policy.windows)
        return (
            f"{counted}, yet at least {policy.needed} of the last {last} deliveries, the newest among them, look "
            f"unlike those (by chance once in {1 / rate:,.0f} deliveries)"
        )
    if facts.old_age:
        return f"{counted}, and it is older than {policy.max_age_days:g} days"
    return None


def _many(count: int, what: str) -> str:
    return f"1 {what} is" if count == 1 else f"{count:,} {what}s are"
