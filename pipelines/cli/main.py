"""The selfsup command. Exit codes: 0 done, 1 an error of ours, 2 something the user can mend, 130 stopped."""

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.cli import explore, labelling, maintenance, operations, recipes, registry, serving
from pipelines.cli.answer import HELP, Answer, answer, failure, give_json, print_json

if TYPE_CHECKING:
    pass


def main(argv: Sequence[str] | None = None) -> int:
    parser = _parser()
    arguments = parser.parse_args(argv)
    from components.cores import ONE_THREAD
    from components.errors import UserError, code_of, coded  # after --help, which must answer at once
    from components.files import is_full

    os.environ.update(ONE_THREAD)  # before what reads it is imported
    os.umask(0o077)  # what is written is its owner's alone, unless a folder's ACL grants more
    try:
        return answer(arguments)
    except KeyboardInterrupt:
        print("stopped; the same command resumes where it stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        _close_stdout()
        return 0
    except Exception as error:
        if os.environ.get("SELFSUP_DEBUG", "0").lower() not in ("", "0", "false"):
            traceback.print_exc()
        mistake = isinstance(error, UserError) or is_full(error)
        text = _one_line(error)
        told = f" {coded(code_of(error) or 'disk-full', text)}" if mistake else f": {text}"
        print(f"selfsup: error{told}", file=sys.stderr)
        if arguments.json:
            code = code_of(error) or "disk-full" if mistake else ""
            try:
                print_json(failure(code, text))
            except BrokenPipeError:
                _close_stdout()
        return 2 if mistake else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="selfsup",
        description="The best model for data that is mostly unlabelled, and the proof that it is the best.",
        epilog="Where things live is set by SELFSUP_HOME (default .selfsup), SELFSUP_DATA (data) and others: "
        "see docs/operations.md. SELFSUP_DEBUG=1 shows tracebacks.",
    )
    parser.add_argument("--json", action="store_true", help=HELP)
    parser.set_defaults(do=_next)
    commands = parser.add_subparsers(metavar="COMMAND")
    recipes.add(commands)
    explore.add(commands)
    labelling.add(commands)
    registry.add(commands)
    maintenance.add(commands)
    operations.add(commands)
    serving.add(commands)
    give_json(parser)
    return parser


def _next(arguments: argparse.Namespace) -> Answer:
    from pipelines.operations.next_steps import look
    from pipelines.settings import Settings

    found = look(Settings.load())
    return Answer(found.model_dump(mode="json"), found.lines())


def _close_stdout() -> None:
    """Whoever read it has gone: what is still to be written goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(error: Exception) -> str:
    from components.files import is_full

    text = " ".join(str(error).split()) or type(error).__name__
    return "the disk is full: free some space and run again; it resumes" if is_full(error) else text


if __name__ == "__main__":
    sys.exit(main())
