"""Modules of this project read as syntax: where they lie, what they import, which implementations a table lists."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Listed(NamedTuple):
    """A table of implementations. group: of the entry points that add to it. modules: by the name of what is there."""

    group: str
    modules: dict[str, str]


def file_of(name: str, root: Path) -> Path | None:
    """The source of a module below `root`; None for a name that is no module there."""
    path = root.joinpath(*name.split("."))
    for file in (path.with_name(path.name + ".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def imported(tree: ast.AST, package: str = "") -> Iterator[str]:
    """Names of the modules that importing or calling this code may import; of `from a import b` both a and a.b. What is
    imported for type checkers only is left out. package: that relative imports are relative to."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                for other in node.orelse:
                    yield from imported(ast.Module([other], []), package)
                continue
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
                origin = ".".join([*above, *([node.module] if node.module else [])])
                yield from (origin, *(f"{origin}.{alias.name}" for alias in node.names))
        yield from imported(node, package)


def table_in(tree: ast.Module) -> Listed | None:
    """What a table in this module lists (components.implementations)."""
    for node in tree.body:
        match node:
            case ast.Assign(
                value=ast.Call(func=ast.Subscript(value=ast.Name(id="Implementations")), args=args)
            ):
                package, group, places = map(ast.literal_eval, args)
                return Listed(
                    group, {k: f"{package}.{place.partition(':')[0]}" for k, place in places.items()}
                )
    return None
