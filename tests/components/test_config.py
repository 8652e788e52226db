"""The line that a person reads about a wrong configuration."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, PositiveInt, ValidationError

from components.config import Config, explain


class Cat(Config):
    name: Literal["cat"] = "cat"
    lives: PositiveInt = 9


class Cow(Config):
    name: Literal["cow"] = "cow"


class Farm(Config):
    animal: Annotated[Cat | Cow, Field(discriminator="name")] = Cat()
    acres: int


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            {"acres": 1, "animal": {"name": "cta"}},
            "farm: animal: name: there is no 'cta'; did you mean 'cat'? names: cat, cow",
        ),
        (
            {"acres": 1, "animal": {"name": "submarine"}},
            "farm: animal: name: there is no 'submarine'; names: cat, cow",
        ),
        ({"acres": 1, "animal": {}}, "farm: animal: name: says which kind it is, and is missing"),
        (
            {"acres": 1, "animal": {"name": "cat", "live": 3}},
            "farm: animal.cat: unknown key 'live'; did you mean 'lives'?",
        ),
        (
            {"acres": 1, "animal": {"name": "cat", "lives": 0}},
            "farm: animal.cat.lives: Input should be greater than 0 (got 0)",
        ),
        (
            {"acres": 1, "animal": "cta"},
            "farm: animal: name: there is no 'cta'; did you mean 'cat'? names: cat, cow",
        ),
        ({"acres": 1, "animal": 7}, "farm: animal: a mapping of keys to values is needed (got 7)"),
        ({"acers": 1}, "farm: unknown key 'acers'; did you mean 'acres'?"),
        ({}, "farm: acres: Field required"),
        (
            {"acres": "x", "animal": {"name": "hen"}},
            "farm: animal: name: there is no 'hen'; names: cat, cow; acres: Input "
            "should be a valid integer, unable to parse string as an integer (got 'x')",
        ),
    ],
)
def test_a_mistake_is_one_line_that_says_what_there_is(given, said):
    with pytest.raises(ValidationError) as caught:
        Farm.model_validate(given)
    assert explain(caught.value, "farm") == said


def test_a_kind_without_options_may_be_its_name_alone():
    assert Farm.model_validate({"acres": 1, "animal": "cow"}) == Farm(acres=1, animal=Cow())
    assert Farm(acres=1, animal=Cow()).animal.name == "cow"
