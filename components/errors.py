"""What a user can mend. The message is one line: what was needed, what came, what to do."""


class UserError(ValueError):
    """A mistake in a recipe, a setting or the data: shown without a traceback, exit code 2."""


class PassingError(UserError):
    """What a user can mend and what may also pass by itself, such as a full disk: an unattended run tries again."""


class Collapse(UserError):  # noqa: N818 - the word of the field
    """Pretraining is dead: the embeddings no longer tell samples apart. Names the remedies."""
