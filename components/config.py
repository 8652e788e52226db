"""The one base class of every configuration: frozen; an unknown key is refused, with the nearest known one named."""

from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator


class Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, given: Any) -> Any:
        if isinstance(given, dict):
            for key in given:
                if key not in cls.model_fields:
                    raise ValueError(unknown(str(key), list(cls.model_fields)))
        return given


def unknown(key: str, known: list[str]) -> str:
    """'unknown key ...; did you mean ...?', the message for a key that nobody knows."""
    near = get_close_matches(key, known, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(known))}"
    return f"unknown key {key!r}; {hint}"


def explain(error: ValidationError, where: str) -> str:
    """One line for a person: each wrong field, what came, what was needed."""
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        place = ".".join(str(p) for p in item["loc"])
        text = item["msg"].removeprefix("Value error, ")
        came = "" if item["type"] in ("missing", "value_error") else f" (got {item['input']!r:.80})"
        parts.append(f"{place + ': ' if place else ''}{text}{came}")
    return f"{where}: " + "; ".join(parts)
