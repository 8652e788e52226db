"""The one base class of every configuration: frozen; an unknown key is refused, with the nearest known one named; and
what has kinds told apart by their name may be that name alone (encoder: resnet18)."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails


class Config(BaseModel):
    """A field is documented by a string below it, from which docs/recipe-reference.md is generated."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        fields = {field.alias or name: field for name, field in cls.model_fields.items()}
        for key in given:
            if key not in fields:
                raise ValueError(unknown(str(key), list(fields)))
        kinds = {key for key in given if fields[key].discriminator == "name"}
        return {key: {"name": v} if key in kinds and isinstance(v, str) else v for key, v in given.items()}


def unknown(key: str, known: list[str]) -> str:
    """'unknown key ...; did you mean ...?', the message for a key that nobody knows."""
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
    return f"unknown key {key!r}; {hint}"


def explain(error: ValidationError, where: str, leave_out: Collection[str] = ()) -> str:
    """One line for a person: each wrong field, what came, what was needed; "" where only fields of `leave_out` are
    wrong, which are left out."""
    parts = []
    for item in error.errors(include_url=False):
        if item["loc"][:1] and item["loc"][0] in leave_out:
            continue
        place = ".".join(str(p) for p in item["loc"])
        parts.append(f"{place + ': ' if place else ''}{_said(item)}")
    return f"{where}: {'; '.join(parts)}" if parts else ""


def _said(item: ErrorDetails) -> str:
    """What is wrong at one place. Of several kinds told apart by a field, pydantic itself only says "tags"."""
    text, came, context = item["msg"].removeprefix("Value error, "), item["input"], item.get("ctx", {})
    if item["type"] in ("missing", "value_error"):
        return text
    if item["type"] in ("model_attributes_type", "model_type", "dict_type"):
        return f"a mapping of keys to values is needed (got {came!r:.80})"
    if item["type"].startswith("union_tag"):
        field = str(context["discriminator"]).strip("'")
        if item["type"] == "union_tag_not_found":
            return f"{field}: says which kind it is, and is missing"
        known = [name.strip().strip("'") for name in str(context["expected_tags"]).split(",")]
        near = get_close_matches(str(context["tag"]), known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}? " if near else ""
        return f"{field}: there is no {context['tag']!r:.80}; {hint}{field}s: {', '.join(known)}"
    return f"{text} (got {came!r:.80})"
