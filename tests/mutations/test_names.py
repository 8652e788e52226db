"""Deliberate errors find their definition by name, wherever it was moved to; see names.py."""

from pathlib import Path

import pytest

from tests.mutations.base import Mutation
from tests.mutations.names import Tree
from tests.mutations.run import ROOT, part

GEOMETRY = '''"""Shapes; SIDES = 4 is no code."""
SIDES = 4


class Square:
    sides = 4

    @property
    def area(self):
        return self.side * self.side

    def around(self):
        return [self.side for _ in range(4)]


def scaled(side, by=2):
    def times(value):
        return value * by

    return times(side)
'''
ROUND = """class Circle:
    def area(self):
        return 3 * self.radius * self.radius


def scaled(radius):
    return radius * 2
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for file, text in {"components/shapes/square.py": GEOMETRY, "pipelines/circle.py": ROUND}.items():
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).write_text(text)
    return tmp_path


def put(root: Path, name: str, old: str, new: str) -> tuple[str, str]:
    """The file, and the line that is another."""
    file, broken = Tree(root).broken(Mutation(name, old, new))
    before = (root / file).read_text().splitlines()
    [line] = [line for line, was in zip(broken.splitlines(), before, strict=True) if line != was]
    return file, line.strip()


@pytest.mark.parametrize(
    ("name", "old", "line"),
    [
        ("Square.area", "self.side * self.side", "return radius"),
        ("shapes.square.Square.area", "@property", "radius"),
        ("Square.around", "side", "return [self.radius for _ in range(4)]"),
        ("Square", "sides = 4", "radius"),
        ("times", "value * by", "return radius"),
        ("square.scaled", "by=2", "def scaled(side, radius):"),
        ("shapes.square", "no code", '"""Shapes; SIDES = 4 is radius."""'),
    ],
)
def test_the_text_is_changed_inside_of_the_definition(root: Path, name: str, old: str, line: str) -> None:
    assert put(root, name, old, "radius") == ("components/shapes/square.py", line)


def test_a_definition_that_was_moved_is_still_found(root: Path) -> None:
    before = put(root, "Square.around", "range(4)", "range(3)")
    there = root / "pipelines" / "drawing" / "shape.py"
    there.parent.mkdir()
    (root / before[0]).rename(there)
    assert put(root, "Square.around", "range(4)", "range(3)") == ("pipelines/drawing/shape.py", before[1])
    assert Tree(root).tests(Mutation("Square.around", "", "")) == ("tests/pipelines/drawing/test_shape.py",)


def test_a_module_of_ours_that_is_moved_keeps_its_errors(tmp_path: Path) -> None:
    """The real one: a copy of swav.py under another path."""
    (tmp_path / "components" / "elsewhere").mkdir(parents=True)
    text = (ROOT / "components" / "objectives" / "swav.py").read_text()
    (tmp_path / "components" / "elsewhere" / "prototypes.py").write_text(text)
    error = Mutation("Swav.after_step", ".clamp_(max=self.config.queue)", "")
    (here, broken), (there, moved) = Tree(ROOT).broken(error), Tree(tmp_path).broken(error)
    assert (here, there) == ("components/objectives/swav.py", "components/elsewhere/prototypes.py")
    assert broken == moved != text


@pytest.mark.parametrize(
    ("name", "old", "said"),
    [
        (
            "scaled",
            "2",
            r"^scaled is ambiguous: components\.shapes\.square\.scaled, pipelines\.circle\.scaled; give a longer name$",
        ),
        ("Square.aera", "side", r"^there is no definition Square\.aera; names like it: area"),
        (
            "Square.area",
            "side",
            r"^Square\.area \(components/shapes/square\.py\): .* must stand in it once and stands 2 times",
        ),
        ("Square.area", "radius", r"must stand in it once and stands 0 times: 'radius'$"),
    ],
)
def test_what_cannot_be_found_is_refused_with_a_sentence(root: Path, name: str, old: str, said: str) -> None:
    with pytest.raises(LookupError, match=said):
        Tree(root).broken(Mutation(name, old, ""))


def test_shards_have_each_error_once() -> None:
    errors = [Mutation(str(number), "", "") for number in range(11)]
    shards = [part(errors, f"{number}/4") for number in range(1, 5)]
    assert sorted((error for shard in shards for error in shard), key=errors.index) == errors
    assert [len(shard) for shard in shards] == [3, 3, 3, 2]
    assert part(errors, "1/1") == errors
    for wrong in ("0/4", "5/4", "2", "a/b", "-1/4"):
        with pytest.raises(SystemExit, match="a shard such as 2/8 is needed"):
            part(errors, wrong)
