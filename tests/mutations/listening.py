"""Deliberate errors in the socket of our servers, and in the listing of damaged runs."""

from tests.mutations.base import Mutation

MUTATIONS = [
    Mutation("listening.bound", "socket.SOCK_STREAM, socket.IPPROTO_TCP", "socket.SOCK_STREAM"),
    Mutation("listening.bound", "(OSError, OverflowError)", "OSError"),
    Mutation(
        "run_list._of_journal", "except ValidationError:", "except ZeroDivisionError:",
        ("tests/pipelines/engine/test_journal.py",),
    ),
]  # fmt: skip
