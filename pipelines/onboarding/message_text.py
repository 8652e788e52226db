"""What a message says, read from the syntax of the code that makes it: what is filled in stands as {name}.

Names of local variables, constants and functions that hold or return a text are followed, across our modules too;
what cannot be read stays a placeholder.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path

from components.source import file_of
from pipelines.engine.code_digest import PACKAGES

DEEPEST = 6  # steps from a name to its text
BUILT_IN = (
    "len",
    "list",
    "map",
    "max",
    "min",
    "next",
    "repr",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "type",
)


@dataclass(frozen=True)
class Module:
    """constants: names at its top -> their values. functions: by name. origins: imported name -> its module."""

    name: str
    tree: ast.Module
    root: Path
    constants: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)


@cache
def module(name: str, root: Path) -> Module | None:
    """A module of ours; None for any other name."""
    file = file_of(name, root)
    if file is None:
        return None
    found = Module(name, ast.parse(file.read_bytes()), root)
    for node in ast.walk(found.tree):
        match node:
            case ast.ImportFrom(module=str(origin), names=names) if origin.partition(".")[0] in PACKAGES:
                found.origins.update({alias.asname or alias.name: origin for alias in names})
            case ast.FunctionDef(name=called):
                found.functions.setdefault(called, node)
    for node in found.tree.body:
        _bind(node, found.constants)
    return found


class Scope:
    """Where a message stands. functions: those around it, the outermost first."""

    def __init__(self, of: Module, *functions: ast.FunctionDef) -> None:
        self.of, self.functions = of, functions

    @cached_property
    def local(self) -> dict[str, list[ast.expr]]:
        """The values that local variables are given, in the order of the text."""
        found: dict[str, list[ast.expr]] = {}
        for function in self.functions:
            for node in ast.walk(function):
                bound: dict[str, ast.expr] = {}
                _bind(node, bound)
                for name, value in bound.items():
                    found.setdefault(name, []).append(value)
        return {name: sorted(values, key=lambda value: value.lineno) for name, values in found.items()}

    def values(self, name: str, line: int) -> list[tuple[ast.expr, "Scope"]]:
        """What a name holds in a line (of several values before it the last), and where that is to be read."""
        if name in self.local:
            given = self.local[name]
            before = [value for value in given if value.lineno <= line]
            return [(value, self) for value in before[-1:] or given]
        if name in self.of.constants:
            return [(self.of.constants[name], Scope(self.of))]
        origin = module(self.of.origins.get(name, "-"), self.of.root)
        return Scope(origin).values(name, line) if origin is not None and origin is not self.of else []

    def function(self, name: str) -> tuple[ast.FunctionDef, Module] | None:
        if name in self.of.functions:
            return self.of.functions[name], self.of
        origin = module(self.of.origins.get(name, "-"), self.of.root)
        return (origin.functions[name], origin) if origin and name in origin.functions else None


def texts(node: ast.expr, scope: Scope, steps: int = DEEPEST) -> list[str]:
    """All that an expression may say; of one of which nothing can be read the name of its placeholder."""
    return [text for text in dict.fromkeys(_texts(node, scope, steps)) if text] or [f"{{{name_of(node)}}}"]


def _texts(node: ast.expr, scope: Scope, steps: int) -> Iterator[str]:
    if steps == 0:
        return
    match node:
        case ast.Constant(value=str() | int() | float() as said) if not isinstance(said, bool):
            yield f"{said:g}" if isinstance(said, float) else str(said)
        case ast.JoinedStr(values=values):
            yield "".join(_part(value, scope, steps - 1) for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = texts(left, scope, steps - 1), texts(right, scope, steps - 1)
            yield one[0] + other[0]
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body, scope, steps - 1)
            yield from _texts(orelse, scope, steps - 1)
        case ast.Name(id=name):
            for value, where in scope.values(name, node.lineno):
                yield from _texts(value, where, steps - 1)
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=key)):
            for value, where in scope.values(name, node.lineno):
                if isinstance(value, ast.Dict):
                    for known, held in zip(value.keys, value.values, strict=True):
                        if isinstance(known, ast.Constant) and known.value == key:
                            yield from _texts(held, where, steps - 1)
        case ast.Call(func=ast.Attribute(value=inner, attr="replace"), args=[old, new, *_]):
            for text in _texts(inner, scope, steps - 1):
                yield text.replace(ast.literal_eval(old), ast.literal_eval(new), 1)
        case ast.Call(func=ast.Name(id=name)) if (called := scope.function(name)) is not None:
            function, of = called
            inside = Scope(of, function)
            for statement in ast.walk(function):
                if isinstance(statement, ast.Return) and statement.value is not None:
                    yield from _texts(statement.value, inside, steps - 1)


def _part(node: ast.expr, scope: Scope, steps: int) -> str:
    """A piece of an f-string. Only constants are followed: a variable is better shown by its name."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.FormattedValue(value=ast.Name(id=name) as value):
            found = list(_texts(value, scope, steps)) if name.isupper() or _is_long(name, scope) else []
            return found[0] if len(found) == 1 or (found and not name.isupper()) else f"{{{name_of(value)}}}"
        case ast.FormattedValue(value=ast.IfExp() as value):
            return " / ".join(text for text in texts(value, scope, steps) if text.strip())
        case ast.FormattedValue(value=ast.Call(func=ast.Attribute(attr="replace")) as value):
            return texts(value, scope, steps)[0]
        case ast.FormattedValue(
            value=ast.Call(func=ast.Name(id="counted"), args=[count, ast.Constant(value=word), *_])
        ):
            return f"{{{name_of(count)}}} {word!s}s"
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="are"), args=[_, *words])):
            return name_of(words[-1]) if words else "are"
        case ast.FormattedValue(value=value):
            return f"{{{name_of(value)}}}"
    return "{...}"


def _is_long(name: str, scope: Scope) -> bool:
    """Whether a variable holds a text of several words, a part of the message rather than a value in it."""
    values = scope.local.get(name, [])
    return bool(values) and all(
        isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and " " in str(value.value))
        for value in values
    )


def name_of(node: ast.AST) -> str:
    """What a placeholder is called: the last word of what is filled in."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return name_of(value) if name.startswith("__") else name
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Call(func=ast.Name(id="getattr"), args=[_, second, *_]):
            return name_of(second)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]) if name in BUILT_IN:
            return name_of(first)
        case ast.Call(func=ast.Attribute(attr="join"), args=[first, *_]):
            return name_of(first)
        case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
            return name.strip("_")
        case ast.Call(func=ast.Attribute(value=value, attr=name)):
            return name if isinstance(value, ast.Constant) else name_of(value)
        case ast.Call(func=ast.Name(id=name), args=args):
            return name_of(args[0]) if args else name
        case ast.Call(func=func):
            return name_of(func)
        case ast.GeneratorExp(generators=[first, *_]) | ast.ListComp(generators=[first, *_]):
            return name_of(first.iter)
        case ast.BoolOp(values=[first, *_]):
            return name_of(first)
        case ast.BinOp(left=folder, op=ast.Div(), right=ast.Name() | ast.Attribute() as file):
            return f"{name_of(folder)}/{name_of(file)}"
        case ast.BinOp(left=ast.Constant(), right=ast.Constant()):
            return "..."
        case ast.BinOp(left=ast.Constant(), right=value):
            return name_of(value)
        case ast.Constant(value=value):
            return str(value)
        case (
            ast.Subscript(value=value)
            | ast.NamedExpr(target=value)
            | ast.UnaryOp(operand=value)
            | ast.Starred(value=value)
            | ast.IfExp(body=value)
            | ast.BinOp(left=value)
            | ast.Compare(left=value)
        ):
            return name_of(value)
    return "..."


def _bind(node: ast.AST, into: dict[str, ast.expr]) -> None:
    """The names that a statement gives a value."""
    match node:
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            into[name] = value
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            into[name] = value
        case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)) if len(names) == len(
            values
        ):
            into.update({n.id: v for n, v in zip(names, values, strict=True) if isinstance(n, ast.Name)})
