"""A look at samples before anything is made of them: what `selfsup init` reports and writes into a recipe."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from components.config import Config


class Suited(NamedTuple):
    """What of a recipe follows from the kind of data and from the samples.

    modality, encoder, objective, views: YAML in one line each; views: of pretraining. why: comment beside the modality.
    finetune: lines of that section. task: where there are no labels, "" for none in particular. speed: samples a second
    that the encoder trains on with it, on two cores.
    plain_detection: whether detectors of anomalies look at plain features alone, so that pretraining is of no use.
    """

    modality: str
    why: str
    encoder: str
    objective: str
    speed: float
    views: str = "measured"
    finetune: tuple[str, ...] = ()
    task: str = ""
    plain_detection: bool = False


class Look(ABC):
    """Takes in samples and says what they are."""

    @abstractmethod
    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        """Look at these; why each is bad, or None, as in ingest."""

    @property
    @abstractmethod
    def good(self) -> int:
        """How many of those that were looked at can be used."""

    @property
    def useless(self) -> str | None:
        """Why nothing can be learnt from them, the end of "all N samples ..."; None: something can."""
        return None

    @abstractmethod
    def lines(self) -> list[str]:
        """What they are, for a person; the first line continues "N samples, n looked at: "."""

    def notes(self, samples: int) -> list[str]:
        """What a person should know before a run on so many samples."""
        return []

    def guess(self, labelled: bool) -> Config | None:
        """The configuration with what the samples show of it, such as the column of the label; None: nothing more than
        was given. labelled: whether they have labels without that."""
        return None

    @abstractmethod
    def suited(self, samples: int) -> Suited:
        """What suits so many samples like these."""
