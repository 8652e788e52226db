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
