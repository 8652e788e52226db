"""Views of texts, bound to the interface of modalities.

Letters: B texts, T tokens of the longest of a batch.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from components.modalities.text.augment import TextView, augment
from components.modalities.text.config import TextPacking
from components.modalities.text.packed import Tokens
from components.modalities.text.tokenizer import CLS, PAD
from components.modalities.view_maker import Role, ViewMaker, Views

POLICIES = {
    "noise": Views(
        weak=TextView(drop=0.1),
        strong=TextView(swap=3, drop=0.3, mask=0.1),
        pretrain=TextView(drop=0.5),
    )
}
LOCAL = (0.2, 0.5)  # bounds of the span of a local view, as DeCLUTR's spans are shorter than their anchors


class TextViews(ViewMaker[TextPacking, TextView]):
    """[B, T] int64: CLS, then tokens, then 0 to the length of the longest text of the batch."""

    View = TextView
    policies = tuple(POLICIES)
    usual = "noise"
    encoder = "text_bag"

    def collate(self, rows: Sequence[Tokens]) -> Tensor:
        out = torch.full((len(rows), max((len(row) for row in rows), default=1)), PAD)
        for number, row in enumerate(rows):
            out[number, : len(row)] = torch.from_numpy(row.astype(np.int64))
        return out

    def clean(self, stored: Tensor) -> Tensor:
        return stored

    def augment(self, view: Tensor, how: TextView, generator: torch.Generator) -> Tensor:
        return augment(view, how, self.packing, generator)

    def policy(self, name: str) -> Views[TextView]:
        return POLICIES[name]

    def roles(
        self, given: TextView | str | None, local: TextView | None, patch: int = 1
    ) -> Mapping[Role, TextView]:
        """global: those of a policy (`noise` where none is named) or these options. plain: the text as it is. local: a
        span of .2 to .5 of the text, for the rest as the global ones."""
        policy = given if isinstance(given, str) and given in POLICIES else self.usual
        whole = given if isinstance(given, TextView) else self.policy(policy).pretrain
        part = local if local is not None else whole.model_copy(update={"crop": LOCAL})
        return {"global": whole, "plain": TextView(), "local": part}

    def length(self, how: TextView) -> int:
        return self.packing.length

    def blank(self, count: int) -> Tensor:
        view = torch.full((count, self.packing.length), PAD)
        view[:, 0] = CLS
        return view

    def baseline(self) -> dict[str, Any]:
        return {"name": "tfidf"}
