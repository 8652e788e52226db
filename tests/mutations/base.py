"""A deliberate error in one file, and the tests that must notice it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """file: relative to the project. old: text that stands in it exactly once; new: what it becomes.

    tests: arguments of pytest, among which the error must make one fail.
    """

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def mirrored(file: str) -> str:
    """components/a/b.py -> tests/components/a/test_b.py."""
    folder, _, name = file.rpartition("/")
    return f"tests/{folder}/test_{name}"
