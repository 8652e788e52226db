"""A deliberate error in one definition, and the tests that must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """name: of the definition, as much of its dotted path as tells it apart: "Swav.forward", "fit", "loop.fit" where
    there are several, and the module's name for text outside of definitions; see names.py. old: text that stands in it
    exactly once; new: what it becomes.

    tests: arguments of pytest, among which the error must make one fail; (): the test file of the module.
    """

    name: str
    old: str
    new: str
    tests: tuple[str, ...] = ()


def mirrored(file: str) -> str:
    """components/a/b.py -> tests/components/a/test_b.py."""
    folder, _, name = file.rpartition("/")
    return f"tests/{folder}/test_{name}"
