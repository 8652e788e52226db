"""Deliberate errors in the codes of messages, on their way through processes, and in the page that lists them."""

from tests.mutations.base import Mutation

PAGE = ("tests/pipelines/onboarding/test_messages.py", "-k", "current")
TEXT = ("tests/pipelines/onboarding/test_messages.py", "-k", "followed")
FAILS = ("tests/pipelines/engine/test_execute.py", "-k", "how_it_fails and (user or full)")
LINE = ("tests/pipelines/cli/test_main.py", "-k", "code")

MUTATIONS = [
    Mutation("UserError.__init__", "super().__init__(code, message)", "super().__init__(message)"),
    Mutation("UserError.__str__", "self.args[1]", "self.args[0]"),
    Mutation("code_of", "error.__cause__ or error.__context__", "error.__cause__"),
    Mutation("as_record", "error.code", '""'),
    Mutation("from_record", "(PassingError, Collapse)", "(Collapse,)"),
    Mutation("engine.child.main", "_record(error.code, ", '_record("", ', FAILS),
    Mutation("engine.child.main", '"disk-full"', '"disk"', FAILS),
    Mutation("engine.execute._follow", '"error", "code", ', '"error", ', FAILS),
    Mutation("cli.main.main", "code_of(error) or 'disk-full'", "'disk-full'", LINE),
    Mutation("cli.main.main", "if mistake else f", "if False else f", LINE),
    Mutation("flows.notify.notify", '"code": code, ', "", ("tests/pipelines/flows/test_notify.py",)),
    Mutation(
        "scheduled.fail", ", code_of(error))", ")", ("tests/pipelines/flows/test_scheduled.py", "-k", "hears")
    ),
    Mutation("message_text.Scope.values", "before[-1:] or given", "given", TEXT),
    Mutation("message_text.Scope.values", "value.lineno <= line", "True", TEXT),
    Mutation("messages._reasons", "kind + detail", "detail", PAGE),
    Mutation("messages._walk", "*scope.functions, child", "child", PAGE),
]
