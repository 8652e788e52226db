"""What a user can mend. The message is one line: what was needed, what came, what to do.

Each kind of mistake has a code, such as "unknown-key", which stays when the message is reworded: programs and people
go by it. Sites that report the same mistake share it. docs/messages.md lists all of them; `selfsup explain CODE`
prints one.
"""

from collections.abc import Mapping


class UserError(ValueError):
    """A mistake in a recipe, a setting or the data: shown without a traceback, exit code 2.

    code: names the kind of mistake, in kebab-case. message: str() of the error.

    Other processes build it again from its name and `args`, which are code and message.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code

    def __str__(self) -> str:
        return str(self.args[1])


class PassingError(UserError):
    """What a user can mend and what may also pass by itself, such as a full disk: an unattended run tries again."""


class Collapse(UserError):  # noqa: N818 - the word of the field
    """Pretraining is dead: the embeddings no longer tell samples apart. Names the remedies."""


def coded(code: str, text: str) -> str:
    """'[code]: text', as it follows "error" or "warning" in what a person reads."""
    return f"[{code}]: {text}"


def code_of(error: BaseException | None) -> str:
    """The code of a mistake, or of the one from which `error` was raised; "" where there was none.

    >>> code_of(UserError("no-samples", "there are no samples"))
    'no-samples'
    """
    while error is not None:
        if isinstance(error, UserError):
            return error.code
        error = error.__cause__ or error.__context__
    return ""


def as_record(error: UserError) -> dict[str, str]:
    """A mistake as JSON values, for another process; see from_record."""
    return {"error": type(error).__name__, "code": error.code, "text": str(error)}


def from_record(record: Mapping[str, str]) -> UserError:
    """The error of which as_record made this; of a kind that is not known here a UserError."""
    kinds = {kind.__name__: kind for kind in (PassingError, Collapse)}
    return kinds.get(record["error"], UserError)(record["code"], record["text"])
