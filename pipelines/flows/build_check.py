"""Can the encoder and the objective of a recipe be built, and does the encoder take the views? Told before any data are
read.

Networks are built on torch's meta device: shapes without numbers, so that a large one takes no memory and a second.
"""

from typing import Any

import torch

from components.config import Config
from components.encoders import build_encoder, patch_of
from components.encoders.base import Encoder
from components.encoders.start import check_start
from components.errors import UserError
from components.implementations import name_of
from components.modalities.base import Packing
from components.modalities.registry import ModalityConfig, build_modality
from components.modalities.views import build_views
from components.objectives import ObjectiveConfig, build_objective, check_objective
from components.objectives.base import Objective

ROWS = 1 << 20  # training samples that an objective is built for: how many there are is not known yet


def build_mistake(
    objective: ObjectiveConfig,
    encoder: Any,
    modality: ModalityConfig,
    views: Config | str | None,
    local: Config | None,
) -> str | None:
    """What hinders a pretraining of this encoder (an EncoderConfig) by this objective on these views; None: nothing."""
    try:
        packing = build_modality(modality).placeholder()
        maker = build_views(packing)
        check_objective(objective, packing.name)
        for part, start in _starts(encoder, packing):
            check_start(part, start)
        roles = maker.roles(views, local, patch_of(encoder))
        made = _objective(objective, encoder, packing, maker.length(roles["global"]))
        blank, chance = maker.blank(2), torch.Generator().manual_seed(0)
        seen = {role: maker.augment(blank, roles[role], chance) for role, _ in made.views}
        for view in (blank, *seen.values()):
            _encodes(encoder, packing, view)
    except UserError as error:
        return str(error)
    return None


def _built(config: Any, packing: Packing, device: str) -> Encoder:
    with torch.device(device):
        return build_encoder(config, packing)


def _starts(config: Any, packing: Packing) -> list[tuple[Encoder, Any]]:
    """What begins from a file of weights, and how."""
    try:
        found = _built(config, packing, "meta").starting(config)
    except NotImplementedError:  # it computes with numbers when it is built, and has no weights to begin from
        return []
    return [(part, start) for part, start in found if start is not None]


def _objective(config: ObjectiveConfig, encoder: Any, packing: Packing, length: int) -> Objective:
    try:
        with torch.device("meta"):
            return build_objective(config, _built(encoder, packing, "meta"), ROWS, length)
    except NotImplementedError:  # it computes with numbers when it is built: a table of colours, say
        return build_objective(config, _built(encoder, packing, "cpu"), ROWS, length)


@torch.no_grad()
def _encodes(config: Any, packing: Packing, view: torch.Tensor) -> None:
    """Raises UserError where the encoder takes no views of this shape."""
    try:
        _forward(config, packing, view, "meta")
    except NotImplementedError:  # a library's encoder that computes with numbers: the training will tell
        return
    except RuntimeError as error:
        shape = " x ".join(map(str, view.shape[1:]))
        raise UserError(
            "view-size-refused",
            f"encoder {name_of(config)} takes no views of {shape} ({str(error).splitlines()[0]:.160}); change the "
            "size of the views or of the modality, or the encoder",
        ) from None


def _forward(config: Any, packing: Packing, view: torch.Tensor, device: str) -> None:
    encoder = _built(config, packing, device).eval()
    try:
        encoder(torch.empty_like(view, device=device) if device == "meta" else view)
    except RuntimeError:
        if device != "meta":
            raise
        _forward(config, packing, view, "cpu")  # it may look at numbers on its way
