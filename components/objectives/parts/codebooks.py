"""Product quantisation by Gumbel softmax, as wav2vec 2.0 has it.

Sources: Baevski et al. 2020 (arXiv:2006.11477), section 2, "quantization module", and equations 1 and 4; the
straight-through Gumbel softmax: Jang et al. 2016 (arXiv:1611.01144).
Letters: n latents, H their size, G codebooks, V entries of each, Q size of a quantised latent, W ranks.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.collectives import all_reduce_sum, world
from components.precision import at_least_float32


class Quantised(NamedTuple):
    """values: [n, Q]. codes: [n, G] int64, the entries that were taken. logits: [n, G, V] of the choice."""

    values: Tensor
    codes: Tensor
    logits: Tensor


class Codebooks(nn.Module):
    """[n, H] -> [n, Q]: of each of G codebooks the entry that is chosen, side by side, and a linear layer."""

    def __init__(self, inputs: int, outputs: int, codebooks: int, entries: int) -> None:
        super().__init__()
        self.codebooks, self.entries, size = codebooks, entries, outputs // codebooks
        self.choice = nn.Linear(inputs, codebooks * entries)
        nn.init.normal_(self.choice.weight)
        nn.init.zeros_(self.choice.bias)
        self.table = nn.Parameter(torch.rand(codebooks, entries, size))
        self.leave = nn.Linear(codebooks * size, outputs)

    def forward(self, latents: Tensor, noise: Tensor, temperature: float) -> Quantised:
        """Latents [n, H] as entries of the codebooks.

        noise: [n, G, V] standard Gumbel. The entry of the largest logit + noise is taken; its gradient is that of the
        softmax of (logit + noise) / temperature.
        """
        logits = at_least_float32(self.choice(latents)).reshape(-1, self.codebooks, self.entries)
        soft = ((logits + noise) / temperature).softmax(dim=2)
        codes = soft.argmax(dim=2)
        chosen = F.one_hot(codes, self.entries).to(soft.dtype) + (soft - soft.detach())
        found = torch.einsum("ngv,gvs->ngs", chosen, self.table.to(chosen.dtype)).flatten(1)
        return Quantised(self.leave(found), codes, logits)


def gumbel(numbers: Tensor) -> Tensor:
    """Uniform numbers in [0, 1) -> standard Gumbel ones. 1/e: 0."""
    return -(-(numbers.clamp(min=1e-7).log())).clamp(min=1e-7).log()


def perplexities(logits: Tensor) -> Tensor:
    """[n, G, V] -> [G]: exp of the entropy of the mean probabilities over the latents of all ranks; V where all entries
    are used alike, 1 where one alone is."""
    p = logits.softmax(dim=2)
    count = all_reduce_sum(p.new_tensor(float(len(p)))).clamp(min=1)
    mean = all_reduce_sum(p.sum(dim=0)) / count
    entropy: Tensor = torch.special.entr(mean).sum(dim=1)
    return entropy.exp()


def unused(logits: Tensor) -> Tensor:
    """[] the diversity loss: the share of the G V entries that is not used, (G V - sum of perplexities) / (G V).

    0 where all are used alike, (V - 1) / V where one of each codebook is.
    """
    _, codebooks, entries = logits.shape
    return 1 - perplexities(logits).sum() / (codebooks * entries)


def mean_square(values: Tensor, inside: Tensor) -> Tensor:
    """[] mean of the squares of values [B, L, H] at places that are `inside` [B, L], over all ranks."""
    each = at_least_float32(values).square().mean(dim=2) * inside.to(
        torch.promote_types(values.dtype, torch.float32)
    )
    count = all_reduce_sum(each.new_tensor(float(inside.sum())))
    return each.sum() * world() / count.clamp(min=1)
