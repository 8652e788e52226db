"""The digest of a stage's code: every module of ours that it imports, however indirectly, read as syntax.

Comments, formatting and docstrings are no part of it: they retrain nothing. A file that lies beside a module
under the same name (report.html beside report.py) counts as a part of that module.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path

from components.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("components", "pipelines")


def code_digest(stage: str) -> str:
    """Sha256 (hex) of the import closure of pipelines.stages.STAGE; read once per process."""
    return _code_digest(stage, ROOT)


def version(stage: str) -> int:
    """VERSION of a stage, read from its source: nothing is imported.

    Raises:
        UserError: there is no such stage, or it states no VERSION.
    """
    for node in _parsed(_stage_file(stage, ROOT)).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="VERSION")], value=ast.Constant(value=int(number))):
                return number
            case ast.AnnAssign(target=ast.Name(id="VERSION"), value=ast.Constant(value=int(number))):
                return number
    raise UserError(f"stage {stage!r} states no VERSION: an int is needed, such as VERSION = 1")


def observes(stage: str) -> bool:
    """Whether the stage reads something of the world outside its request (it then defines observe)."""
    tree = _parsed(_stage_file(stage, ROOT))
    return any(isinstance(node, ast.FunctionDef) and node.name == "observe" for node in tree.body)


def closure(stage: str, root: Path = ROOT) -> list[str]:
    """Names of the modules of ours that importing the stage may run, sorted; packages' __init__ included."""
    _stage_file(stage, root)
    found: set[str] = set()
    waiting = [f"pipelines.stages.{stage}"]
    while waiting:
        name = waiting.pop()
        if name in found or _file(name, root) is None:
            continue
        found.add(name)
        waiting += [name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)]
        waiting += _imports(name, root)
    return sorted(found)


@cache
def _code_digest(stage: str, root: Path) -> str:
    digest = hashlib.sha256()
    for name in closure(stage, root):
        digest.update(f"{name}\n{_module_digest(name, root)}\n".encode())
    return digest.hexdigest()


@cache
def _module_digest(name: str, root: Path) -> str:
    file = _file(name, root)
    assert file is not None
    tree = ast.parse(file.read_bytes())  # a tree of its own: docstrings are taken out of it
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = node.body[1:]
    digest = hashlib.sha256(ast.dump(tree).encode())
    for beside in sorted(file.parent.glob(f"{file.stem}.*")):
        if beside.suffix not in (".py", ".pyc", ".pyi") and beside.is_file():
            digest.update(beside.name.encode() + hashlib.sha256(beside.read_bytes()).digest())
    return digest.hexdigest()


@cache
def _imports(name: str, root: Path) -> tuple[str, ...]:
    file = _file(name, root)
    assert file is not None
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found: list[str] = []
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            found += [origin, *(f"{origin}.{alias.name}" for alias in node.names)]
    return tuple(found)


def _file(name: str, root: Path) -> Path | None:
    """The source of a module of ours; None for anybody else's, and for a name that is no module."""
    if name.partition(".")[0] not in PACKAGES:
        return None
    path = root.joinpath(*name.split("."))
    for file in (path.with_name(path.name + ".py"), path / "__init__.py"):
        if file.is_file():
            return file
    return None


def _stage_file(stage: str, root: Path) -> Path:
    file = _file(f"pipelines.stages.{stage}", root)
    if file is None:
        known = sorted(p.stem for p in (root / "pipelines" / "stages").glob("[a-z]*.py"))
        raise UserError(f"there is no stage {stage!r}; stages: {', '.join(known)}")
    return file


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_bytes())
