"""Which texts a person may give as labels: those that ingest and the task read as what they are."""

import math
import unicodedata
from collections.abc import Collection, Iterable
from typing import Any, Literal

from components.data.label_values import alike, classes_of, tidy
from components.errors import UserError
from components.tasks.anomaly import Anomaly
from components.tasks.base import Task
from components.tasks.regression import likelier, number_in, reason

LONGEST = 100  # characters of a class name


class Vocabulary:
    """kind: `open` (classes, and new ones may be added), `closed` (the classes of the recipe) or `number`.
    classes: names, in the order in which they are shown.

    Args:
        task: of the recipe.
        unlabelled: words that ingest reads as no label.
        known: labels that there are already.
        style: decimal point of the labels of a regression; "": not known yet.
    """

    def __init__(
        self, task: Task[Any], unlabelled: Collection[str], known: Iterable[str], style: str
    ) -> None:
        self.kind: Literal["open", "closed", "number"] = "open"
        self.classes = sorted(set(known))
        self._unlabelled = frozenset(word.casefold() for word in unlabelled)
        self._style = style
        if task.numeric:
            self.kind, self.classes = "number", []
        elif isinstance(task, Anomaly):
            self.kind, self.classes = "closed", [*task.config.normal, *task.config.anomalies]

    def label(self, text: str) -> str:
        """The label that a text stands for; a new class is added.

        Raises:
            UserError: it would not be read as that label.
        """
        found = tidy(text)
        if self.kind == "number":
            return self._number(found)
        if found in self.classes:
            return found
        if self.kind == "closed":
            raise _refused(f"one of {', '.join(self.classes)}", text)
        self._refuse_unreadable(found, text)
        self.classes.append(found)
        return found

    def _refuse_unreadable(self, found: str, text: str) -> None:
        if not 0 < len(found) <= LONGEST:
            raise _refused(f"a class name of 1 to {LONGEST} characters", text)
        if any(unicodedata.category(sign) in ("Cc", "Zl", "Zp") for sign in found):
            raise _refused("a class name on one line, without control characters", text)
        if same := next((name for name in self.classes if alike(name) == alike(found)), None):
            raise _refused(f"the class as it is written already, {same!r}", text)
        names = [*self.classes, found]
        read = classes_of(names)
        if found.casefold() in self._unlabelled or any(read[name] != name for name in names):
            raise _refused("a class name that is not read as a missing label or as another number", text)

    def _number(self, found: str) -> str:
        point = self._style or likelier([found])
        value = number_in(found, point)
        if math.isnan(value):
            raise UserError("invalid-label", reason(found, point))
        return found


def _refused(needed: str, text: str) -> UserError:
    return UserError("invalid-label", f"the label must be {needed}, got {text!r:.80}")
