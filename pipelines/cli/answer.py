"""What a command found, for a person and as JSON, and how it is printed.

With --json exactly one JSON object goes to stdout and everything else to stderr; exit codes are the same.
"""

import argparse
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

HELP = "print one JSON object on stdout, and messages on stderr"


class Answer(NamedTuple):
    """value: as JSON. lines: the same for a person. code: exit code."""

    value: dict[str, Any]
    lines: Sequence[str] = ()
    code: int = 0


def give_json(parser: argparse.ArgumentParser) -> None:
    """Every command below this parser takes --json."""
    for leaf in leaves(parser).values():
        if "--json" not in leaf._option_string_actions:
            leaf.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=HELP)


def leaves(parser: argparse.ArgumentParser, prefix: str = "") -> dict[str, argparse.ArgumentParser]:
    """The parser of each command, by its words, such as "data checkout"."""
    found = dict[str, argparse.ArgumentParser]()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                found |= leaves(below, f"{prefix} {name}".strip())
    return found or {prefix: parser}


def answer(arguments: argparse.Namespace) -> int:
    """Run the command of `arguments` and print what it found; returns its exit code. A command without a result may
    return its exit code alone."""
    if not arguments.json:
        made = _made(arguments.do(arguments))
        for line in made.lines:
            print(line)
        return made.code
    with contextlib.redirect_stdout(sys.stderr):
        made = _made(arguments.do(arguments))
    print_json(made.value)
    return made.code


def print_json(value: dict[str, Any]) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _made(found: "Answer | int") -> Answer:
    return found if isinstance(found, Answer) else Answer({"exit_code": found}, code=found)


def failure(code: str, message: str) -> dict[str, Any]:
    """An error as JSON; code: "" for an error of ours."""
    return {"error": {"code": code, "message": message}}
