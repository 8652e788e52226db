"""wav2vec 2.0: spans of latents are hidden; which quantised latent stood there is told from others of the same sound.

Source: Baevski et al. 2020 (arXiv:2006.11477), sections 2 and 3 (equations 2 to 4) and 4.2. Each latent begins a hidden
span of 10 with probability .065, spans may overlap. L = contrast among the true quantised latent and 100 distractors,
drawn evenly from the other hidden places of the same sound, at temperature .1, of cosines; + .1 times the diversity
loss; + 10 times the mean square of the latents, whose gradient is a tenth of its own (both from the published code).
Deviations: one span at least in each sound, for sounds are short; the temperature of the Gumbel softmax falls
geometrically from 2 to .5 over the first 70 % of the training, which is what a factor of .999995 does in 400,000 steps;
distractors that are the same quantised latent count as none, as in the published code.
Letters: B samples on this rank, L latents of a sound, n hidden ones of the batch, K distractors, G codebooks, V
entries, H size of a latent, E token size, Q size of what is compared.
"""

from typing import Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.sound_wave import wave_encoder
from components.objectives.base import Batch, Losses
from components.objectives.parts.codebooks import Codebooks, gumbel, mean_square, perplexities, unused
from components.objectives.parts.one_view import Drawing, only_view
from components.objectives.parts.token_masks import mean_over_tokens
from components.objectives.parts.two_views import unit

COOLED = 0.7  # share of the training after which the temperature stays
SLOW = 0.1  # share of its gradient that the convolutions take


class Wav2vec2LossConfig(Config):
    """Options of wav2vec 2.0."""

    name: Literal["wav2vec2"] = "wav2vec2"
    """Selects wav2vec 2.0 (Baevski et al. 2020, arXiv:2006.11477)."""

    begin: float = Field(default=0.065, gt=0, lt=1)
    """Probability that a hidden span begins at a latent (published: 0.065)."""

    span: PositiveInt = 10
    """Latents of a hidden span (published: 10, which are 200 ms at 16 kHz)."""

    distractors: PositiveInt = 100
    """Other hidden latents of the same sound that the true one is told from (published: 100)."""

    temperature: PositiveFloat = 0.1
    """Divides the cosines (published: 0.1)."""

    codebooks: PositiveInt = 2
    """Codebooks G (published: 2)."""

    entries: int = Field(default=320, ge=2)
    """Entries V of each codebook (published: 320)."""

    embedding: PositiveInt = 256
    """Size Q of what is compared, a multiple of `codebooks` (published: 256)."""

    diversity: NonNegativeFloat = 0.1
    """Weight of the diversity loss (published: 0.1)."""

    penalty: NonNegativeFloat = 10.0
    """Weight of the mean square of the latents (published code: 10)."""

    softest: PositiveFloat = 2.0
    """Temperature of the Gumbel softmax at the beginning (published: 2)."""

    hardest: PositiveFloat = 0.5
    """The same after 70 % of the training (published: 0.5)."""

    @model_validator(mode="after")
    def _parts_fit(self) -> "Wav2vec2LossConfig":
        if self.embedding % self.codebooks:
            raise ValueError(
                f"embedding must be a multiple of codebooks, got {self.embedding} and {self.codebooks}"
            )
        return self


def spans(numbers: Tensor, inside: Tensor, begin: float, span: int) -> Tensor:
    """[B, L] bool: the latents of spans that begin where numbers [B, L] are below `begin`, and where they are smallest;
    none outside of `inside` [B, L]."""
    numbers = numbers.masked_fill(~inside, 2)
    first = (numbers < begin) | (numbers == numbers.amin(dim=1, keepdim=True))
    covered = F.max_pool1d(F.pad(first.float().unsqueeze(1), (span - 1, 0)), span, stride=1).squeeze(1)
    return (covered > 0) & inside


def others(hidden: Tensor, numbers: Tensor) -> Tensor:
    """[n, K] int64 places, among the n hidden latents of the batch, of the distractors of each: of other hidden latents
    of its sound, evenly and with repetition; its own place where there is no other.

    hidden: [B, L] bool. numbers: [B, L, K] in [0, 1).
    """
    count = hidden.sum(dim=1)
    begins = (count.cumsum(0) - count).unsqueeze(1).expand_as(hidden)[hidden].unsqueeze(1)
    place = (hidden.cumsum(dim=1) - 1)[hidden].unsqueeze(1)
    rest = (count - 1).unsqueeze(1).expand_as(hidden)[hidden].unsqueeze(1)
    drawn = (numbers[hidden] * rest).long()
    return begins + torch.where(rest > 0, drawn + (drawn >= place).long(), place)


def contrast(predicted: Tensor, targets: Tensor, codes: Tensor, wrong: Tensor, temperature: float) -> Tensor:
    """[n] -log p(own target | own and distractors), nats.

    predicted, targets: [n, Q]. codes: [n, G] int64, what the targets are made of. wrong: [n, K] int64 places of
    distractors in targets; one of the own target's codes is left out.
    """
    with torch.autocast(predicted.device.type, enabled=False):
        query, key = unit(predicted), unit(targets)
        right = (query * key).sum(dim=1, keepdim=True)
        same = (codes[wrong] == codes.unsqueeze(1)).all(dim=2)
        false = torch.einsum("nq,nkq->nk", query, key[wrong]).masked_fill(same, -torch.inf)
        logits = torch.cat([right, false], dim=1) / temperature
        return logits.logsumexp(dim=1) - logits[:, 0]


class Wav2vec2Loss(Drawing):
    needs = "sound"

    def __init__(self, config: Wav2vec2LossConfig, encoder: Encoder, rows: int = 0, size: int = 0) -> None:
        """Raises UserError: the encoder finds no latents in waveforms."""
        super().__init__()
        self.config, wave = config, wave_encoder(encoder, "wav2vec2")
        self.token = nn.Parameter(torch.rand(wave.token_dim))
        self.quantiser = Codebooks(wave.latent_dim, config.embedding, config.codebooks, config.entries)
        self.target, self.head = (
            nn.Linear(config.embedding, config.embedding),
            nn.Linear(wave.token_dim, config.embedding),
        )

    @property
    def gumbel_temperature(self) -> float:
        """Of the Gumbel softmax, at the share of the training that is done."""
        done = min(1.0, float(self.progress) / COOLED)
        return float(self.config.softest * (self.config.hardest / self.config.softest) ** done)

    def forward(self, encoder: Encoder, batch: Batch) -> Losses:
        """One view a sample -> total: [] nats and the weighted parts.

        Raises:
            UserError: not one view, or another encoder than sound_wave.
        """
        config, wave = self.config, wave_encoder(encoder, "wav2vec2")
        latents, inside = wave.latents(only_view(batch, "wav2vec2"))
        latents = slowed(latents)
        penalty = mean_square(latents, inside)
        normal = wave.latent_norm(latents)
        hidden = spans(self.uniform(batch, inside, stream=0), inside, config.begin, config.span)
        tokens = wave.contextual(normal, inside, hidden=hidden, token=self.token)
        noise = gumbel(self.uniform(batch, inside, config.codebooks, config.entries, stream=1)[hidden])
        made = self.quantiser(normal[hidden], noise, self.gumbel_temperature)
        wrong = others(hidden, self.uniform(batch, inside, config.distractors, stream=2))
        predicted, targets = self.head(tokens[hidden]), self.target(made.values)
        nats = mean_over_tokens(contrast(predicted, targets, made.codes, wrong, config.temperature))
        rare = unused(made.logits)
        total = nats + config.diversity * rare + config.penalty * penalty
        return Losses(
            total, {"contrast": nats.detach(), "perplexity": perplexities(made.logits).mean().detach()}
        )

    def uniform(self, batch: Batch, inside: Tensor, *shape: int, stream: int) -> Tensor:
        """[B, L, *shape] in [0, 1)."""
        return self.chance.uniform(batch.index, inside.shape[1], *shape, stream=stream).to(inside.device)


class _Slowed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, t: Tensor) -> Tensor:
        return t.view_as(t)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return SLOW * grad


def slowed(t: Tensor) -> Tensor:
    """The same, with a tenth of its gradient."""
    found: Tensor = _Slowed.apply(t)  # type: ignore[no-untyped-call]
    return found
