from collections import Counter

import pytest

from benchmarks.unseen import plan
from benchmarks.unseen.plan import WIDE, Cell, cells, parsed
from benchmarks.unseen.sets import SETS
from components.errors import UserError


@pytest.mark.parametrize("half", ["development", "final"])
def test_the_plan_visits_every_set_before_any_second_draw(half):
    found = cells(half)
    names = [name for name, one in SETS.items() if one.half == half]
    assert found[: len(names)] == [Cell(name, 10, 0) for name in names]
    assert [cell.draw for cell in found] == sorted(cell.draw for cell in found)
    # three draws of 10 a class everywhere; of 1 and 3 a class on four sets, of all labels one
    assert Counter(cell.labels for cell in found) == {10: 3 * len(names), 1: 12, 3: 12, "all": 4}
    assert {cell.name for cell in found if cell.labels != 10} == set(WIDE[half])
    assert len(set(found)) == len(found)


def test_the_wide_sets_are_four_of_their_half():
    for half, names in WIDE.items():
        assert len(set(names)) == 4
        assert {SETS[name].half for name in names} == {half}


def test_what_is_asked_for_is_what_is_measured():
    assert cells("development", ["emoji", "digits"], [3, "all"], draws=2) == [
        Cell("emoji", 3, 0),
        Cell("digits", 3, 0),
        Cell("emoji", "all", 0),
        Cell("digits", "all", 0),
        Cell("emoji", 3, 1),
        Cell("digits", 3, 1),
    ]


def test_the_final_half_is_measured_only_where_it_is_named():
    with pytest.raises(UserError, match="image set mnist is of the final half: give --half final"):
        cells("development", ["mnist"])
    assert {SETS[cell.name].half for cell in cells("final")} == {"final"}
    with pytest.raises(UserError, match="there is no image set minst"):
        cells("final", ["minst"])


def test_numbers_of_labels():
    assert [parsed("10"), parsed("all")] == [10, "all"]
    for wrong in ("0", "-1", "many", "1.5", ""):
        with pytest.raises(UserError, match="a number from 1 on, or all"):
            parsed(wrong)
    assert plan.described(1) == "1 label a class"
