"""Optimisers and what each parameter gets of them.

Weight decay is left off biases and norms (every parameter with fewer than two dimensions), as all the
recipes do.
LARS: You et al. 2017, arXiv:1708.03888, as SwAV and SimCLR use it (no trust ratio where there is no decay).
torch's own optimisers import torch's compiler when they are made, which takes 5 s and more; nothing is
compiled here, so their methods are taken as they are beneath the wrapper that does it.
"""

from collections.abc import Callable, Iterable
from inspect import unwrap
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, NonNegativeFloat, PositiveFloat
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from components.config import Config


class AdamwConfig(Config):
    """AdamW. Biases and norms have no weight decay."""

    name: Literal["adamw"] = "adamw"
    """Selects AdamW."""

    learning_rate: PositiveFloat = 2e-3
    """Peak learning rate."""

    weight_decay: NonNegativeFloat = 0.05
    """Decoupled weight decay of weight matrices."""

    betas: tuple[float, float] = (0.9, 0.99)
    """Momentum of the running means of gradient and squared gradient."""


class SgdConfig(Config):
    """SGD with momentum. Biases and norms have no weight decay."""

    name: Literal["sgd"] = "sgd"
    """Selects SGD."""

    learning_rate: PositiveFloat = 0.05
    """Peak learning rate."""

    weight_decay: NonNegativeFloat = 5e-4
    """Weight decay of weight matrices."""

    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of the gradient."""

    nesterov: bool = False
    """Use Nesterov's momentum."""


class LarsConfig(Config):
    """LARS. Biases and norms have no weight decay and no trust ratio."""

    name: Literal["lars"] = "lars"
    """Selects LARS (You et al. 2017, arXiv:1708.03888)."""

    learning_rate: PositiveFloat = 0.3
    """Peak learning rate."""

    weight_decay: NonNegativeFloat = 1e-6
    """Weight decay of weight matrices."""

    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of the scaled gradient."""

    trust: PositiveFloat = 1e-3
    """Norm of a weight matrix's step divided by the norm of the matrix, at learning rate 1 and without
    momentum."""


OptimiserConfig = Annotated[AdamwConfig | SgdConfig | LarsConfig, Field(discriminator="name")]


class _Uncompiled(Optimizer):
    """torch's base class without the import of its compiler."""

    add_param_group = unwrap(Optimizer.add_param_group)
    state_dict = unwrap(Optimizer.state_dict)
    load_state_dict = unwrap(Optimizer.load_state_dict)
    zero_grad = unwrap(Optimizer.zero_grad)


class _AdamW(_Uncompiled, AdamW):
    step = torch.no_grad()(unwrap(AdamW.step))


class _SGD(_Uncompiled, SGD):
    step = torch.no_grad()(unwrap(SGD.step))


class Lars(_Uncompiled):
    """SGD with momentum whose step on each matrix is scaled to `trust` times that matrix's own norm.

    One step from rest, without decay: w <- w - lr * trust * |w| * g / |g|.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, momentum: float, trust: float) -> None:
        super().__init__(groups, {"lr": lr, "momentum": momentum, "trust": trust, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        assert closure is None
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                grad = weight.grad.add(weight, alpha=group["weight_decay"])
                if weight.ndim > 1:
                    size, slope = weight.norm(), weight.grad.norm()
                    scale = group["trust"] * size / (slope + group["weight_decay"] * size)
                    grad = grad * torch.where((size > 0) & (slope > 0), scale, torch.ones_like(scale))
                state: dict[str, Tensor] = self.state[weight]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight)
                moving = state["momentum_buffer"].mul_(group["momentum"]).add_(grad)
                weight.add_(moving, alpha=-group["lr"])


def parameter_groups(
    parts: Iterable[tuple[nn.Module, float]], *, learning_rate: float, weight_decay: float
) -> list[dict[str, Any]]:
    """Groups for an optimiser; each carries "peak", its rate before the schedule.

    Args:
        parts: modules with their rate multiplier; a parameter counts to the first that has it. Frozen ones
            are left out.
    """
    groups: list[dict[str, Any]] = []
    seen: set[int] = set()
    for module, multiplier in parts:
        own = [p for p in module.parameters() if p.requires_grad and id(p) not in seen]
        seen.update(id(p) for p in own)
        peak = learning_rate * multiplier
        for chosen, decay in (
            ([p for p in own if p.ndim > 1], weight_decay),
            ([p for p in own if p.ndim <= 1], 0.0),
        ):
            if chosen:
                groups.append({"params": chosen, "weight_decay": decay, "peak": peak, "lr": peak})
    return groups


def build_optimiser(config: OptimiserConfig, parts: Iterable[tuple[nn.Module, float]]) -> Optimizer:
    """The optimiser of `config`, with one pass over memory a step (fused) where torch has it."""
    groups = parameter_groups(parts, learning_rate=config.learning_rate, weight_decay=config.weight_decay)
    fused = all(p.device.type in ("cpu", "cuda") for group in groups for p in group["params"])
    if isinstance(config, AdamwConfig):
        return _AdamW(groups, lr=config.learning_rate, betas=config.betas, fused=fused)
    if isinstance(config, SgdConfig):
        return _SGD(groups, config.learning_rate, config.momentum, nesterov=config.nesterov, fused=fused)
    return Lars(groups, lr=config.learning_rate, momentum=config.momentum, trust=config.trust)


def set_rate(optimiser: Optimizer, share: float) -> None:
    """Every group's rate becomes `share` of its own peak."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share


def reset_moments(optimiser: Optimizer, parameters: Iterable[Tensor]) -> None:
    """The moments of parameters that were drawn anew begin from zero: they describe weights that are gone.

    Zeros are the state of a first step; a state that is missing is refused by torch's fused SGD where others
    of the group have theirs.
    """
    for parameter in parameters:
        if state := optimiser.state.pop(parameter, {}):
            optimiser.state[parameter] = {name: torch.zeros_like(moment) for name, moment in state.items()}
