from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from components.config import Config
from pipelines.onboarding.value_text import default_of, default_text, type_text


class Part(Config):
    name: Literal["part"] = "part"
    size: int = 3
    share: float = 0.5


class Plain(Config):
    size: int = 3


class Whole(Config):
    count: PositiveInt = 1
    share: float = Field(default=0.25, gt=0, lt=1)
    bounded: int = Field(default=8, ge=8, multiple_of=4)
    maybe: NonNegativeFloat | None = None
    choice: Literal["a", "b"] | None = "a"
    mixed: PositiveInt | Literal["auto"] = "auto"
    flag: bool = False
    given: str = Field(min_length=1)
    pair: tuple[float, float] = (0.1, 1.0)
    several: tuple[PositiveFloat, ...] = Field(default=(1.0,), min_length=1)
    named: tuple[Annotated[Path, Field()], ...] = ()
    hours: dict[str, PositiveFloat] = Field(default_factory=dict)
    free: dict[str, Any] = Field(default_factory=dict)
    where: Path = Path("here")
    derived: str = Field(default_factory=lambda given: str(given["count"]))
    part: Part = Part(size=4)
    other: Part | None = Part()
    plain: Plain = Plain()


@pytest.mark.parametrize(
    ("name", "kind", "default"),
    [
        ("count", "integer > 0", "`1`"),
        ("share", "number > 0 and < 1", "`0.25`"),
        ("bounded", "integer >= 8, a multiple of 4", "`8`"),
        ("maybe", "number >= 0 or null", "`null`"),
        ("choice", "`a`, `b` or null", '`"a"`'),
        ("mixed", "integer > 0 or `auto`", '`"auto"`'),
        ("flag", "true or false", "`false`"),
        ("given", "text", "required"),
        ("pair", "list of 2: number, number", "`[0.1, 1.0]`"),
        ("several", "list of number > 0, 1 or more", "`[1.0]`"),
        ("named", "list of path", "`[]`"),
        ("hours", "mapping to number > 0", "`{}`"),
        ("free", "mapping", "`{}`"),
        ("where", "path", '`"here"`'),
        ("derived", "text", "see text"),
        ("part", "section", '`{"name": "part", "size": 4}`'),
        ("other", "section or null", '`{"name": "part"}`'),
        ("plain", "section", "its own defaults"),
    ],
)
def test_type_and_default_as_a_reader_needs_them(name, kind, default):
    field = Whole.model_fields[name]
    assert type_text(field) == kind
    assert default_text(field) == default


def test_there_is_no_default_where_it_is_required_or_derived():
    assert default_of(Whole.model_fields["given"]) is None
    assert default_of(Whole.model_fields["derived"]) is None
    assert default_of(Whole.model_fields["part"]) == Part(size=4)
