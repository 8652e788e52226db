"""Break the code on purpose and see the tests fail: python -m tests.mutations.run [--shard 2/8] [file ...]

Every file beside this one with a list MUTATIONS is tried, or those that are named; of a shard each eighth error. Each
is put into a copy of the tree, so that the checkout stays as it is, and its tests run in a fork of this process, which
has imported what takes seconds and nothing of ours. Exit code 1 if an error went unnoticed.
"""

import argparse
import contextlib
import importlib
import importlib.util
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

from components.cores import ONE_THREAD
from tests.mutations.base import Mutation
from tests.mutations.names import Tree

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = ("base.py", "names.py", "run.py", "test_each_applies.py", "test_names.py")
OURS = ("components", "tests", "pipelines", "dags", "benchmarks")  # what a fork must import from the copy


def mutations(file: Path) -> list[Mutation]:
    """The list MUTATIONS of a file."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return list(module.MUTATIONS)


def copy_tree(to: Path) -> Path:
    """What the tests of components need, without what was computed."""
    skip = shutil.ignore_patterns("__pycache__")
    for name in OURS:
        shutil.copytree(ROOT / name, to / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", to)
    return to


def noticed(mutation: Mutation, tree: Tree) -> bool:
    """Whether a test fails with the error in the tree, which is as before afterwards.

    Raises:
        LookupError: the error does not apply. SystemExit: pytest could not run the tests.
    """
    log, tests = tree.root / "pytest.log", tree.tests(mutation)
    file, broken = tree.broken(mutation)
    path = tree.root / file
    path.write_text(broken)
    try:
        child = os.fork()
        if child == 0:
            run_tests(tests, tree.root, log)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        path.write_text(tree.sources[file].text)
    if code not in (0, 1):
        sys.exit(f"pytest ended with {code} on {tests}:\n{log.read_text()[-2000:]}")
    return code == 1


def run_tests(tests: tuple[str, ...], tree: Path, log: Path) -> None:
    """In a fork: pytest on the modules of `tree`, and the end of this process with its exit code."""
    code = 3
    try:
        with log.open("w") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
                del sys.modules[name]
            sys.path[:] = [str(tree), *(p for p in sys.path if p and Path(p).resolve() != ROOT)]
            sys.dont_write_bytecode = True
            os.chdir(tree)
            os.environ["PYTHONPATH"] = str(tree)
            import pytest

            code = int(pytest.main(["-q", "-x", *tests]))
    except BaseException:
        log.write_text(traceback.format_exc())
    finally:
        os._exit(code)


def warm_up() -> None:
    """What every fork would import again; on one thread, as the tests run."""
    os.environ.update(ONE_THREAD)
    for name in ("torch", "numpy", "pydantic", "pytest"):
        importlib.import_module(name)


def part(errors: Sequence[Mutation], shard: str) -> list[Mutation]:
    """The errors of a shard: of "2/8" the second, the tenth and so on. All shards together have each error once."""
    number, _, shards = shard.partition("/")
    if not (number.isdecimal() and shards.isdecimal() and 1 <= int(number) <= int(shards)):
        sys.exit(f"a shard such as 2/8 is needed, the first is 1/8; got {shard!r}")
    return list(errors[int(number) - 1 :: int(shards)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutations.run", description=__doc__)
    parser.add_argument("--shard", default="1/1", metavar="N/M", help="try the N-th of M parts, such as 2/8")
    parser.add_argument("files", nargs="*", type=Path, help="of tests/mutations; default: all")
    given = parser.parse_args()
    files = given.files or sorted(p for p in Path(__file__).parent.glob("*.py") if p.name not in HERE)
    errors = part([error for file in files for error in mutations(file.resolve())], given.shard)
    warm_up()
    missed, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Tree(copy_tree(Path(folder)))
        for mutation in errors:
            caught = noticed(mutation, tree)
            count += 1
            missed += [] if caught else [mutation]
            print("caught" if caught else "MISSED", mutation.name, repr(mutation.new[:80]), flush=True)
    print(f"{count - len(missed)} of {count} deliberate errors were caught")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
