"""Modules read as syntax."""

import ast

from components.source import Listed, file_of, imported, table_in

CODE = """
import a.b
from c import d, e as f
from . import near
from ..up import high
if TYPE_CHECKING:
    from types_only import T
else:
    from real import T
def late():
    if x:
        import deep
"""


def test_what_is_imported_anywhere_but_for_type_checkers():
    found = set(imported(ast.parse(CODE), "p.q"))
    assert found == {
        "a.b", "c", "c.d", "c.e", "p.q", "p.q.near", "p.up", "p.up.high", "real", "real.T", "deep",
    }  # fmt: skip


def test_a_module_is_a_file_or_a_package(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/__init__.py", "a/b/__init__.py", "a/c.py"):
        (tmp_path / name).touch()
    assert file_of("a", tmp_path) == tmp_path / "a" / "__init__.py"
    assert file_of("a.b", tmp_path) == tmp_path / "a" / "b" / "__init__.py"
    assert file_of("a.c", tmp_path) == tmp_path / "a" / "c.py"
    assert file_of("a.d", tmp_path) is None


def test_a_table_is_read_with_its_group():
    code = 'THEM = Implementations[Kind]("p.q", "g", {"one": "m:One", "two": "m:Two"})'
    assert table_in(ast.parse(code)) == Listed("g", {"one": "p.q.m", "two": "p.q.m"})
    assert table_in(ast.parse("THEM = {}")) is None
