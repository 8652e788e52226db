"""A mistake keeps its kind, its code and its message, whatever process it comes from."""

import json
import pickle

import pytest

from components.errors import Collapse, PassingError, UserError, as_record, code_of, coded, from_record
from components.registry.alias_moves import MovedError


@pytest.mark.parametrize("kind", [UserError, PassingError, Collapse, MovedError])
def test_what_is_read_is_the_message_and_the_code_stands_beside_it(kind: type[UserError]) -> None:
    error = kind("no-samples", "there are none; deliver some")
    assert (str(error), error.code) == ("there are none; deliver some", "no-samples")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.code, str(again)) == (kind, "no-samples", "there are none; deliver some")
    with pytest.raises(ValueError, match=r"^there are none; deliver some$"):
        raise error


@pytest.mark.parametrize(
    ("kind", "back"),
    [(UserError, UserError), (PassingError, PassingError), (Collapse, Collapse), (MovedError, UserError)],
)
def test_as_json_it_comes_back_of_its_kind_or_as_a_mistake(
    kind: type[UserError], back: type[UserError]
) -> None:
    again = from_record(json.loads(json.dumps(as_record(kind("disk-full", "no room")))))
    assert (type(again), again.code, str(again)) == (back, "disk-full", "no room")


def fail_otherwise() -> None:
    try:
        raise UserError("no-samples", "none")
    except UserError as error:
        raise RuntimeError(str(error)) from None


def test_the_code_of_an_error_is_that_of_the_mistake_behind_it() -> None:
    assert code_of(PassingError("disk-full", "no room")) == "disk-full"
    with pytest.raises(RuntimeError) as caught:
        fail_otherwise()
    assert code_of(caught.value) == "no-samples"
    assert code_of(KeyError("x")) == code_of(None) == ""


def test_a_code_stands_in_brackets() -> None:
    assert f"error {coded('no-samples', 'none')}" == "error [no-samples]: none"
