"""The digest of the code that a stage's request can reach, read as syntax: nothing is imported.

That is every module of ours that the stage imports, however indirectly, and of the implementations in a table
(components.implementations) those alone that the request names: editing one objective is no news to the runs of
another. Where a request names none of a table, the default that the stage itself imports counts.

What retrains nothing is no part of it: where a definition lies and in which order, comments, docstrings (those of
fields as well), annotations of functions, what an error or a log line says. So code may be moved and its messages
rewritten. A change that is meant to give other results also raises VERSION of the stage; see `plan.on_code_change`.
A file that lies beside a module under the same name (report.html beside report.py) counts as a part of that module.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from components.errors import UserError
from components.implementations import entry_points
from components.source import Listed, file_of, imported, table_in
from components.tasks.registry import task_name
from pipelines.engine import code_cache

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("components", "pipelines")

# Package of a table: the key under which a request may name one of its implementations alone.
TABLES = {
    "components.objectives": "objective",
    "components.encoders": "encoder",
    "components.semisupervised": "method",
    "components.modalities.registry": "modality",
    "components.modalities.packing": "modality",
    "components.modalities.views": "modality",
    "components.registry.served": "task",
    "components.tasks.registry": "task",
    "pipelines.registry.gate_checks": "task",
    "pipelines.stages.evaluate.stage": "task",
    "pipelines.stages.finetune.stage": "task",
    "pipelines.stages.monitor.stage": "task",
    "pipelines.stages.report.sections": "task",
    "pipelines.stages.score.stage": "task",
}
SILENT = ("print", "say", "tell", "warn", "warning", "info", "debug", "announce")  # calls that only report


class Facts(NamedTuple):
    """What is read from a module's source. imports: see components.source. parts: digests of its statements. table:
    group and modules of its table of implementations, None where it has none. version: its VERSION. observes: whether
    it defines observe()."""

    imports: tuple[str, ...]
    parts: tuple[str, ...]
    table: Listed | None
    version: int | None
    observes: bool


def code_digest(stage: str, given: Mapping[str, Any]) -> str:
    """Sha256 (hex) of what the stage can reach with this request (JSON values, as the recipe has it)."""
    return _code_digest(stage, frozenset(_named(given)), ROOT)


def stages(root: Path = ROOT) -> list[str]:
    """The names of all stages, sorted: modules of pipelines.stages, and its packages that hold a stage.py."""
    folder = root / "pipelines" / "stages"
    return sorted(
        [p.stem for p in folder.glob("[a-z]*.py")] + [p.parent.name for p in folder.glob("*/stage.py")]
    )


def stage_module(stage: str, root: Path = ROOT) -> str:
    """The module that is the stage: pipelines.stages.NAME, or stage.py beside its parts."""
    parts = (root / "pipelines" / "stages" / stage / "stage.py").is_file()
    return f"pipelines.stages.{stage}.stage" if parts else f"pipelines.stages.{stage}"


def version(stage: str) -> int:
    """VERSION of a stage, read from its source: nothing is imported.

    Raises:
        UserError: there is no such stage, or it states no VERSION.
    """
    _stage_file(stage, ROOT)
    found = _facts(stage_module(stage), ROOT).version
    if found is None:
        raise UserError(
            "stage-without-version",
            f"stage {stage!r} states no VERSION: an int is needed, such as VERSION = 1",
        )
    return found


def observes(stage: str) -> bool:
    """Whether the stage reads something of the world outside its request (it then defines observe)."""
    _stage_file(stage, ROOT)
    return _facts(stage_module(stage), ROOT).observes


def closure(stage: str, named: frozenset[str] = frozenset(), root: Path = ROOT) -> list[str]:
    """Names of the modules of ours that the stage can reach, sorted; packages' __init__ included.

    named: names that the request carries.
    """
    tables = {table: _table(table, root).modules for table in TABLES}
    chosen = {table: {module for name, module in of.items() if name in named} for table, of in tables.items()}
    members = {table: set(of.values()) for table, of in tables.items()}
    found: set[str] = set()
    waiting = [(stage_module(stage, root), "")]
    waiting += [
        (name, "")
        for file in _foreign(named, root).values()
        for name in imported(ast.parse(file.read_bytes()))
    ]
    while waiting:
        name, importer = waiting.pop()
        left_out = any(
            name in of and importer not in of and chosen[table] and name not in chosen[table]
            for table, of in members.items()
        )
        if left_out or name in found or _file(name, root) is None:
            continue
        found.add(name)
        waiting += [(name.rsplit(".", n)[0], name) for n in range(1, name.count(".") + 1)]
        waiting += [(imported, name) for imported in _facts(name, root).imports]
        waiting += [(module, name) for module in chosen.get(name, ())]
    return sorted(found)


def _named(given: Mapping[str, Any]) -> Iterator[str]:
    """The names of implementations in a request, and its task, which it need not name."""
    yield from _names(given)
    yield task_name(given)


def _names(given: Any, key: str = "") -> Iterator[str]:
    """Names under "name", or alone under the key of a table."""
    match given:
        case str() if key == "name" or key in TABLES.values():
            yield given
        case Mapping():
            for inner, value in given.items():
                yield from _names(value, inner)
        case list() | tuple():
            for value in given:
                yield from _names(value, key)


@cache
def _table(package: str, root: Path) -> Listed:
    found = _facts(package, root).table if _file(package, root) else None
    return found or Listed("", {})


@cache
def _code_digest(stage: str, named: frozenset[str], root: Path) -> str:
    """Of the statements in all modules, sorted, so that it is the same wherever they lie."""
    parts = [part for name in closure(stage, named, root) for part in _parts(name, root)]
    foreign = [
        f"{place} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for place, file in _foreign(named, root).items()
    ]
    code_cache.save()
    return hashlib.sha256("\n".join(sorted(parts) + sorted(foreign)).encode()).hexdigest()


def _foreign(named: frozenset[str], root: Path) -> dict[str, Path]:
    """Place and file of the implementations with these names that other packages have added."""
    found = {}
    for table in TABLES:
        for entry in entry_points(group=_table(table, root).group):
            spec = find_spec(entry.module) if entry.name in named else None
            if spec is not None and spec.origin is not None:
                found[entry.value] = Path(spec.origin)
    return found


def _parts(name: str, root: Path) -> list[str]:
    """Digests of a module's statements, and of the files that lie beside it under its name."""
    file = _file(name, root)
    assert file is not None
    found = list(_facts(name, root).parts)
    for beside in sorted(file.parent.glob(f"{file.stem}.*")):
        if beside.suffix not in (".py", ".pyc", ".pyi") and beside.is_file():
            found.append(hashlib.sha256(beside.read_bytes()).hexdigest())
    return found


@cache
def _facts(name: str, root: Path) -> Facts:
    """What the source of a module of ours holds: parsed once for each content of the file (see code_cache)."""
    file = _file(name, root)
    assert file is not None
    text = file.read_bytes()
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    key = hashlib.sha256(f"{name} {package}\n".encode() + text).hexdigest()
    kept = code_cache.find(key)
    if kept is None:
        code_cache.put(key, kept := list(_read(text, name, package)))
    imports, parts, table, version, observes = kept
    return Facts(tuple(imports), tuple(parts), Listed(*table) if table else None, version, observes)


def _read(text: bytes, name: str, package: str) -> Facts:
    tree = ast.parse(text)
    table, imports, version = table_in(tree), tuple(dict.fromkeys(imported(tree, package))), _version(tree)
    observes = any(isinstance(node, ast.FunctionDef) and node.name == "observe" for node in tree.body)
    _Bare().visit(tree)
    dumped = [ast.dump(node) for node in tree.body]
    if name.startswith("pipelines.stages."):
        dumped = [text for text in dumped if "id='VERSION'" not in text]  # a part of the key by itself
    parts = tuple(hashlib.sha256(text.encode()).hexdigest() for text in dumped)
    return Facts(imports, parts, table, version, observes)


def _version(tree: ast.Module) -> int | None:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id="VERSION")], value=ast.Constant(value=int(number))):
                return number
            case ast.AnnAssign(target=ast.Name(id="VERSION"), value=ast.Constant(value=int(number))):
                return number
    return None


class _Bare(ast.NodeTransformer):
    """A tree without what retrains nothing."""

    def visit(self, node: ast.AST) -> ast.AST | None:
        match node:
            case ast.Import() if all(_ours(alias.name) for alias in node.names):
                return None
            case ast.ImportFrom() if node.level or _ours(node.module or ""):
                node.module, node.level = None, 0
                node.names = [alias for alias in node.names if alias.asname]  # what is called otherwise here
                return node if node.names else None
            case ast.Expr(value=ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called))) if (
                called in SILENT
            ):
                return None
            case ast.Assign(value=ast.Call(func=ast.Subscript(value=ast.Name(id="Implementations")))):
                return None  # a table: the one that is named counts, not the others
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                node.returns = None
            case ast.arg():
                node.annotation = None
            case ast.Raise(exc=ast.Call(func=kind)):
                node.exc = kind
            case ast.Assert():
                node.msg = None
            case ast.keyword(arg="use_attribute_docstrings"):
                return None  # of pydantic: whether a string below a field documents it
        self.generic_visit(node)
        match node:
            case ast.ClassDef():
                node.body = [statement for statement in node.body if not _is_text(statement)]
            case ast.Module() | ast.FunctionDef() | ast.AsyncFunctionDef() if node.body:
                node.body = node.body[_is_text(node.body[0]) :]
        return node


def _is_text(statement: ast.stmt) -> bool:
    """Whether it is a string alone: a docstring, in a class also that of a field above it."""
    return isinstance(statement, ast.Expr) and isinstance(getattr(statement.value, "value", None), str)


def _ours(module: str) -> bool:
    return module.partition(".")[0] in PACKAGES


@cache
def _file(name: str, root: Path) -> Path | None:
    """The source of a module of ours; None for anybody else's."""
    return file_of(name, root) if _ours(name) else None


def _stage_file(stage: str, root: Path) -> Path:
    file = _file(stage_module(stage, root), root)
    if file is None:
        raise UserError("unknown-name", f"there is no stage {stage!r}; stages: {', '.join(stages(root))}")
    return file
