"""Definitions by name: where in the tree a class, function or module stands, wherever it was moved to.

A name is the end of a dotted path, as long as there is one such path in the tree: of the method forward of
components/objectives/swav.py "Swav.forward", "swav.Swav.forward" and so on. Files are read once; only those that
define all parts of a name are parsed.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from tests.mutations.base import Mutation, mirrored

FOLDERS = ("components", "pipelines", "dags", "benchmarks")
DEFINED = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Definition:
    """path: dotted, from the top of the tree. depth: how many of its parts are the module's. start, end: characters of
    the file, whole lines, decorators included."""

    path: str
    depth: int
    file: str
    start: int
    end: int


class Source:
    """A file of the tree. file: relative to it."""

    def __init__(self, root: Path, file: str) -> None:
        self.file, self.text = file, (root / file).read_text(encoding="utf-8")
        parts = Path(file).with_suffix("").parts
        self.module = parts[:-1] if parts[-1] == "__init__" else parts
        self.names = frozenset(DEFINED.findall(self.text))

    @cached_property
    def definitions(self) -> list[Definition]:
        """The module itself, then all that it defines, the outer before the inner."""
        tree = ast.parse(self.text)
        lines = [0]
        for line in self.text.splitlines(keepends=True):
            lines.append(lines[-1] + len(line))
        depth, module = len(self.module), ".".join(self.module)
        found = [Definition(module, depth, self.file, 0, len(self.text))]
        for path, node in _defined(tree, module):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found.append(
                Definition(path, depth, self.file, lines[first - 1], lines[node.end_lineno or first])
            )
        return found

    def may_define(self, parts: list[str]) -> bool:
        """Whether the last of these may be defined here, the first ones being the module's or classes."""
        splits = range(len(parts) + 1)
        return any(
            list(self.module[max(0, len(self.module) - n) :]) == parts[:n]
            and self.names.issuperset(parts[n:])
            for n in splits
        )


class Tree:
    """The definitions of the folders of a tree."""

    def __init__(self, root: Path, folders: tuple[str, ...] = FOLDERS) -> None:
        self.root = root
        files = [file for folder in folders for file in sorted((root / folder).rglob("*.py"))]
        self.sources = {
            file.relative_to(root).as_posix(): Source(root, file.relative_to(root).as_posix())
            for file in files
        }
        self._found: dict[str, list[Definition]] = {}

    def all(self, name: str) -> list[Definition]:
        """Every definition whose dotted path ends with the name."""
        if name not in self._found:
            parts = name.split(".")
            self._found[name] = [
                one
                for source in self.sources.values()
                if source.may_define(parts)
                for one in source.definitions
                if f".{one.path}".endswith(f".{name}")
            ]
        return self._found[name]

    def find(self, name: str) -> Definition:
        """The one definition of a name.

        Raises:
            LookupError: there is none, or more than one.
        """
        found = self.all(name)
        if len(found) > 1:
            raise LookupError(
                f"{name} is ambiguous: {', '.join(one.path for one in found)}; give a longer name"
            )
        if not found:
            known = {known for source in self.sources.values() for known in source.names}
            near = get_close_matches(name.rpartition(".")[2], known, n=3)
            raise LookupError(f"there is no definition {name}; names like it: {', '.join(near) or 'none'}")
        return found[0]

    def broken(self, mutation: Mutation) -> tuple[str, str]:
        """The file that a deliberate error is in, and its text with the error.

        Raises:
            LookupError: the definition is not there, or the text not once in it.
        """
        place = self.find(mutation.name)
        text = self.sources[place.file].text
        body = text[place.start : place.end]
        if (count := body.count(mutation.old)) != 1:
            raise LookupError(
                f"{mutation.name} ({place.file}): this text must stand in it once and stands {count} times: "
                f"{mutation.old!r}"
            )
        return place.file, text[: place.start] + body.replace(mutation.old, mutation.new) + text[place.end :]

    def tests(self, mutation: Mutation) -> tuple[str, ...]:
        """Arguments of pytest for a deliberate error."""
        return mutation.tests or (mirrored(self.find(mutation.name).file),)


def _defined(
    node: ast.AST, path: str
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{path}.{child.name}", child
            yield from _defined(child, f"{path}.{child.name}")
        elif isinstance(child, ast.stmt | ast.excepthandler | ast.match_case):
            yield from _defined(child, path)
