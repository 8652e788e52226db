"""Which candidate leads while a fine-tuning runs, and the best model so far as a folder that can be loaded.

Both end with the stage: they are no part of its output.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from components.encoders import ServedConfig
from components.registry.model import ModelConfig
from components.training.finetune import Network, final_parts
from pipelines.registry.candidates import TOLD
from pipelines.stages.finetune.baseline import Scratch, save
from pipelines.stages.finetune.cross_fit import Held
from pipelines.stages.finetune.trainings import Meter

EARLY = "early"  # folder of the stage in which the models so far lie, one folder a candidate
Networks = Mapping[str, Callable[[], tuple[Network, ServedConfig]]]


def leading(judged: Mapping[str, Held], tried_next: str) -> str:
    """What is ahead so far, in a line."""
    (best, first), *others = [(TOLD[name], held.accuracy) for name, held in ordered(judged)]
    rest = ", ".join(f"{name} {share:.1%}" for name, share in others)
    rest = f" ({rest})" if rest else ""
    return f"so far {best} leads with {first:.1%} of held-out labels{rest}; tried next: {tried_next}"


def ordered(judged: Mapping[str, Held]) -> list[tuple[str, Held]]:
    """The best first; of those that have as many right, the one with the smaller loss."""
    return sorted(judged.items(), key=lambda one: (-one[1].accuracy, one[1].loss))


def from_scratch(trained: Scratch | None, encoder: ServedConfig) -> Networks:
    """The network from random by name, where there is one."""
    return {} if trained is None else {"scratch": lambda: (final_parts(trained.trained), encoder)}


class Leaderboard:
    """judged: what each candidate so far answers on labels that it was not given."""

    def __init__(self, model: ModelConfig, meter: Meter) -> None:
        """model: what describes a network of the pretrained encoder."""
        self.model, self.meter = model, meter
        self.judged: dict[str, Held] = {}
        self.networks: dict[str, Callable[[], tuple[Network, ServedConfig]]] = {}
        self.saved = ""

    def tell(self, judged: Mapping[str, Held], networks: Networks, tried_next: str) -> None:
        """Say and record who leads now, and keep the best of those that have a network of all labels.

        Args:
            judged, networks: of the candidates that are new. Where no label could be held out, judged is empty, and
                the last of the networks is kept.
        """
        self.judged |= judged
        self.networks |= networks
        context = self.meter.context
        if self.judged:
            context.say(leading(self.judged, tried_next))
        usable = [name for name, _ in ordered(self.judged) if name in self.networks] or [*self.networks][::-1]
        folder = self._keep(usable[0]) if usable else None
        best = [(TOLD[name], round(held.accuracy, 4)) for name, held in ordered(self.judged)]
        context.lead(
            seconds=round(time.monotonic() - self.meter.began, 1),
            candidates=dict(best),
            model=TOLD[usable[0]] if usable else "",
            folder=str(folder or ""),
        )

    def accuracies(self) -> dict[str, float]:
        return {name: held.accuracy for name, held in self.judged.items()}

    def end(self) -> None:
        """The models so far have done their service."""
        shutil.rmtree(self.meter.folder / EARLY, ignore_errors=True)

    def _keep(self, name: str) -> Path:
        """The network as a model folder, complete when this returns, unless it lies there already."""
        folder = self.meter.folder / EARLY / name
        if name != self.saved:
            network, encoder = self.networks[name]()
            held = self.judged.get(name)
            changed = {"encoder": encoder, "temperature": held.temperature if held else 1.0}
            save(network, self.model.model_copy(update=changed), folder, self.meter.folder)
            self.meter.context.say(
                f"{'a better' if self.saved else 'a first'} model, {TOLD[name]}, lies in {folder} while "
                "this stage runs: components.registry.model.load_classifier loads it"
            )
            self.saved = name
        return folder
