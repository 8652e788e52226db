"""A field's type and default as a reader of a recipe needs them, read from pydantic's description of the field."""

import json
from collections.abc import Iterable
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo

PLAIN = {bool: "true or false", int: "integer", float: "number", str: "text", NoneType: "null", Any: "any"}
SIGNS = ((Gt, "gt", ">"), (Ge, "ge", ">="), (Lt, "lt", "<"), (Le, "le", "<="))


def type_text(field: FieldInfo) -> str:
    """PositiveInt: "integer > 0"; Literal["a", "b"] | None: "`a`, `b` or null"; a configuration: "section"."""
    return _type(field.annotation, field.metadata)


def default_text(field: FieldInfo) -> str:
    """What stands for the default: its value, or why there is none."""
    if field.is_required():
        return "required"
    return "see text" if _derived(field) else value_text(default_of(field))


def default_of(field: FieldInfo) -> Any:
    """The default; None also where a value is required or derived from others."""
    if field.is_required() or _derived(field):
        return None
    return field.get_default(call_default_factory=True)


def value_text(value: Any) -> str:
    """The value as a recipe would write it, in JSON, which is YAML too; of a section what differs from its own
    defaults."""
    text = _written(value)
    return "its own defaults" if text == {} and isinstance(value, BaseModel) else f"`{json.dumps(text)}`"


def _derived(field: FieldInfo) -> bool:
    return field.default_factory is not None and bool(field.default_factory_takes_validated_data)


def _written(value: Any) -> Any:
    if isinstance(value, BaseModel):
        changed = value.model_dump(mode="json", exclude_defaults=True)
        name = value.model_dump(mode="json").get("name") if _has_kinds(type(value)) else None
        return {**({} if name is None else {"name": name}), **changed}
    if isinstance(value, Path):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _has_kinds(config: type[BaseModel]) -> bool:
    """Whether its `name` selects it, and says nothing else."""
    field = config.model_fields.get("name")
    return field is not None and len(get_args(field.annotation)) == 1


def _type(annotation: Any, constraints: Iterable[Any] = ()) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], [*arguments[1:], *constraints])
    if origin in (Union, UnionType, Literal):
        return _either(_alternatives(annotation, constraints))
    bounds = _bounds(constraints)
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"list of {len(arguments)}: {', '.join(_type(argument) for argument in arguments)}"
    if origin is tuple:
        return f"list of {_type(arguments[0])}{bounds}"
    if origin is dict:
        return "mapping" if arguments[1] is Any else f"mapping to {_type(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "section"
    if isinstance(annotation, type) and issubclass(annotation, Path):
        return "path"
    return PLAIN[annotation] + (bounds if annotation in (int, float) else "")


def _alternatives(annotation: Any, constraints: Iterable[Any]) -> list[str]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return [f"`{value if isinstance(value, str) else json.dumps(value)}`" for value in arguments]
    if origin in (Union, UnionType):
        return [text for argument in arguments for text in _alternatives(argument, constraints)]
    return [_type(annotation, constraints)]


def _either(texts: Iterable[str]) -> str:
    """ "a, b or c"; null last, and nothing twice."""
    several = sorted(dict.fromkeys(texts), key=lambda text: text == PLAIN[NoneType])
    return ", ".join(several[:-1]) + " or " + several[-1] if len(several) > 1 else several[0]


def _bounds(constraints: Iterable[Any]) -> str:
    """ " > 0 and < 1" for Gt(0) and Lt(1)."""
    found = []
    for constraint in constraints:
        if isinstance(constraint, FieldInfo):
            found += [text for text in [_bounds(constraint.metadata)] if text]
        found += [
            f" {sign} {getattr(constraint, name)}"
            for kind, name, sign in SIGNS
            if isinstance(constraint, kind)
        ]
        if isinstance(constraint, MultipleOf):
            found.append(f", a multiple of {constraint.multiple_of}")
        if isinstance(constraint, MinLen):
            found.append(f", {constraint.min_length} or more")
    return " and".join(found).replace(" and,", ",")
