"""Which views the trainings used, and the evidence for them."""

from collections.abc import Mapping
from typing import Any

from pipelines.pages.wording import percent


def rows(
    pretrain: dict[str, Any], finetune: dict[str, Any], policies: Mapping[str, str]
) -> list[dict[str, str]]:
    """A row each for pretraining, fine-tuning and the policies that were measured; none where recipes named all.

    policies: what the views of each do.
    """
    made = []
    if (policy := pretrain.get("policy")) is not None:
        told = pretrain.get("orientation")
        made.append(
            {"name": "pretraining", "text": f"{policy}: {policies[policy]}.{_describe(told) if told else ''}"}
        )
    choice = finetune.get("views")
    if choice is not None:
        text = f"{choice['policy']}: {policies[choice['policy']]}; {choice['reason']}."
        made.append({"name": "fine-tuning", "text": text})
        made += [{"name": f"with {one['policy']}", "text": _measured(one)} for one in choice["evidence"]]
    return made


def _describe(of: dict[str, float]) -> str:
    return (
        " Without labels, a small network tells mirror images from the samples as they came in "
        f"{percent(of['mirror'])}, samples upside down in {percent(of['upside_down'])} and quarter turns in "
        f"{percent(of['quarter_turn'])} of the pairs (50 % is chance, standard error {percent(of['error'])})."
    )


def _measured(one: dict[str, Any]) -> str:
    text = f"{percent(one['accuracy'])} of the held-out labels right"
    if one["difference"] or one["error"]:
        points = f"{100 * one['difference']:+.1f}"
        text += f", {points} points from the suggested policy (standard error {100 * one['error']:.1f})"
    return f"{text}."
