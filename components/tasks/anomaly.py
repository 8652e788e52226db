"""Labels say of a few samples whether they are anomalies; of most nobody says anything."""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.config import Config
from components.errors import UserError
from components.tasks.base import Targets, Task

NORMAL, ANOMALY = "normal", "anomaly"  # the classes, in this order


class AnomalyConfig(Config):
    """Anomalies are rare samples unlike the others: fraud, intrusion, defects. No label is needed."""

    name: Literal["anomaly"] = "anomaly"
    """Selects detection of anomalies."""

    anomalies: tuple[str, ...] = Field(default=("anomaly",), min_length=1)
    """Labels of anomalies; the first is suggested in the list for review."""

    normal: tuple[str, ...] = Field(default=("normal",), min_length=1)
    """Labels of samples that are none. A label that is neither counts as no label, and is listed."""

    false_alarms: float = Field(default=0.01, gt=0, lt=1)
    """Share of normal samples that may be reported as anomalies: the threshold follows from it, and never from a guess
    of how many anomalies there are."""

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if both := sorted(set(self.anomalies) & set(self.normal)):
            raise ValueError(
                f"a label is an anomaly or normal, and {both[0]!r:.80} is in both lists; remove one"
            )
        return self


class Anomaly(Task[AnomalyConfig]):
    """Classes normal (0) and anomaly (1), whatever labels there are."""

    config: AnomalyConfig
    headline = "average_precision"
    word = "average precision"
    share = False
    figures: ClassVar[Mapping[str, str]] = {
        "recall_at_budget": "recall at the alarm budget",
        "false_alarm_rate": "false alarms",
    }
    clusters = False
    needs_labels = False
    learns = "a detector of anomalies"

    def targets(self, labels: Mapping[str, str], style: str = "") -> Targets:
        """{"a": "anomaly", "b": "normal", "c": "?"}: a is 1, b is 0, c is refused."""
        number = dict.fromkeys(self.config.normal, 0) | dict.fromkeys(self.config.anomalies, 1)
        known = {id: number[label] for id, label in labels.items() if label in number}
        refused = {id: self._refusal(label) for id, label in labels.items() if label not in number}
        return Targets([NORMAL, ANOMALY], known, refused=refused)

    def fitting(self, labels: Mapping[str, int]) -> AnomalyConfig:
        """All labels that are no anomalies are normal. Of two labels of which neither is known as an anomaly, the rarer
        one is taken for it: {"ok": 50, "fraud": 3}: fraud.

        Raises:
            UserError: none of the labels is known, and there are not two.
        """
        config = self.config
        odd = tuple(sorted(labels.keys() & set(config.anomalies)))
        if labels and not odd and not labels.keys() & set(config.normal):
            if len(labels) != 2:
                raise UserError(
                    "anomalies-unnamed",
                    "which labels are anomalies? task.anomalies needs their names, such as `--task '{name: anomaly, "
                    f"anomalies: [{min(labels, key=lambda name: labels[name])}]}}'`; there are "
                    f"{', '.join(sorted(labels))[:200]}",
                )
            odd = (min(labels, key=lambda name: labels[name]),)
        usual = tuple(sorted(labels.keys() - set(odd)))
        changed = {"anomalies": odd or config.anomalies, "normal": usual or config.normal}
        return config.model_copy(update=changed)

    def _refusal(self, label: str) -> str:
        return (
            f"a label in task.anomalies ({', '.join(self.config.anomalies)}) or task.normal "
            f"({', '.join(self.config.normal)}) is needed, got {label!r:.80}; correct it, or name it in the recipe"
        )
