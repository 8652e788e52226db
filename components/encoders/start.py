"""What an encoder begins from, other than chance: the weights of a local file, and how much of them may
change.

What is built from a configuration is always the plain network (`build_encoder`); only a training that begins
looks here (`begin_from`). So a trained model needs the file no longer.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

import torch
from pydantic import Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor

from components.config import Config
from components.encoders.base import Encoder
from components.encoders.lora import adapt, freeze
from components.errors import UserError

E = TypeVar("E", bound=Encoder)
OPTIONAL = ("mean", "std")  # files from elsewhere have no statistics of pixels


class Start(Config):
    """Weights that an encoder begins from, and how much of them may change."""

    weights: str
    """Absolute path of a safetensors file."""

    sha256: str = ""
    """SHA-256 of the file, in hexadecimal; required, so that other weights make another run."""

    strict: bool = True
    """The file must contain every weight of the encoder and no other; false: takes those that fit."""

    adapt: Literal["full", "frozen", "lora"] = "full"
    """`full`: all weights are trained; `frozen`: none; `lora`: low-rank updates beside frozen weights."""

    rank: PositiveInt = 8
    """Rank of the LoRA updates."""

    alpha: PositiveFloat = Field(default=16.0)
    """LoRA updates are multiplied by alpha / rank."""

    @model_validator(mode="after")
    def _the_file_is_named_for_good(self) -> "Start":
        file = Path(self.weights)
        if not file.is_absolute():
            raise ValueError(
                f"weights must be an absolute path, for workers run elsewhere; got {self.weights!r}"
            )
        if not self.sha256:
            now = f"it is {digest(file)} now" if file.is_file() else "the file is missing"
            raise ValueError(f"sha256 of {self.weights} is needed, to notice when it changes; {now}")
        return self


def digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def begin_from(encoder: E, start: Start | None) -> E:
    """The encoder with the file's weights and as many free parameters as `adapt` says. In place.

    Raises:
        UserError: the file is missing, has another digest, is no safetensors, or is of another network.
    """
    if start is None:
        return encoder
    return _begun(encoder, start, read(start))


def check_start(encoder: E, start: Start) -> None:
    """Raise what begin_from would. encoder: on the meta device, and unusable afterwards; of the file no tensor is
    read, only its digest and what it holds."""
    from safetensors import safe_open

    with _opened(start) as file, safe_open(file, framework="pt") as stored:
        shapes = {name: stored.get_slice(name).get_shape() for name in stored.keys()}  # noqa: SIM118 - no mapping
    _begun(encoder, start, {name: torch.empty(shape, device="meta") for name, shape in shapes.items()})


def _begun(encoder: E, start: Start, tensors: dict[str, Tensor]) -> E:
    load_weights(encoder, tensors, strict=start.strict, where=start.weights)
    if start.adapt == "frozen":
        return freeze(encoder)
    return adapt(encoder, start.rank, start.alpha) if start.adapt == "lora" else encoder


def read(start: Start) -> dict[str, Tensor]:
    """Name -> tensor, once the digest is verified."""
    from safetensors.torch import load_file

    with _opened(start) as file:
        tensors: dict[str, Tensor] = load_file(file)
    return tensors


@contextmanager
def _opened(start: Start) -> Iterator[Path]:
    """The file, once its digest is verified; within, that it is no safetensors file is a UserError."""
    from safetensors import SafetensorError

    file = Path(start.weights)
    if not file.is_file():
        raise UserError(
            "no-such-weights",
            f"the encoder begins from {file}, which is missing; bring it back, or take `start` out",
        )
    found = digest(file)
    if found != start.sha256:
        raise UserError(
            "digest-differs",
            f"{file}: sha256 {start.sha256[:12]} needed, got {found[:12]}; put the right file there, or "
            f"{found} into `start`",
        )
    try:
        yield file
    except SafetensorError as error:
        raise UserError(
            "weights-unreadable", f"{file}: a safetensors file is needed, and this is none: {error!s:.80}"
        ) from None


def load_weights(encoder: Encoder, tensors: dict[str, Tensor], *, strict: bool, where: str) -> None:
    """Into the encoder, by name; `mean` and `std` may be missing.

    Raises:
        UserError: strict, and a name is missing or too many or of another shape; or nothing fits at all.
    """
    own = encoder.state_dict()
    tensors = {
        name if name in own else encoder.prefix + name: value
        for name, value in encoder.taken(tensors).items()
    }
    fits = {name for name, value in tensors.items() if name in own and own[name].shape == value.shape}
    problems = {
        "missing": own.keys() - tensors.keys() - set(OPTIONAL),
        "unexpected": tensors.keys() - own.keys(),
        "of another shape": (own.keys() & tensors.keys()) - fits,
    }
    if (strict and any(problems.values())) or not fits - set(OPTIONAL):
        told = "; ".join(f"{len(names)} {what}: {_some(names)}" for what, names in problems.items() if names)
        raise UserError(
            "weights-unsuitable",
            f"{where} does not fit this encoder: {told}; change the encoder, or set strict to false",
        )
    encoder.load_state_dict({**own, **{name: tensors[name] for name in fits}})


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
