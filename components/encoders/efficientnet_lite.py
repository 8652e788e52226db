"""EfficientNet-Lite0, for weights that were trained elsewhere.

Sources: Tan & Le 2019 (arXiv:1905.11946), table 1; the Lite variant as published with it: no squeeze-excitation, ReLU6
in place of swish, stem and head of fixed width. Convolutions pad as TensorFlow's SAME does, as the published weights
need: for an even side and stride 2 one row and column less before than after.
Letters: B samples, S side in pixels, h side of a map.
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from components.errors import UserError

FEATURES = 1280
EPSILON = 1e-3  # of batch norm
# Of pixels in [0, 1], in every channel, as the published weights were trained.
MEAN, STD = 127 / 255, 128 / 255


class Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    width: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


class SameConv(nn.Conv2d):
    """[B, i, S, S] -> [B, o, h, h], h = S / stride rounded up."""

    def __init__(self, i: int, o: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(i, o, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        pads: list[int] = []
        for side in (x.shape[3], x.shape[2]):
            stride, kernel = self.stride[0], self.kernel_size[0]
            pad = max(0, (-(-side // stride) - 1) * stride + kernel - side)
            pads += [pad // 2, pad - pad // 2]
        return super().forward(F.pad(x, pads) if any(pads) else x)


class Block(nn.Module):
    """Inverted residual: widen, convolve each channel alone, narrow; the input is added where shapes agree."""

    def __init__(self, i: int, stage: Stage, stride: int) -> None:
        super().__init__()
        wide = i * stage.expansion
        self.adds = stride == 1 and i == stage.width
        self.expand = SameConv(i, wide, 1) if stage.expansion > 1 else None
        self.expand_norm = nn.BatchNorm2d(wide, EPSILON) if stage.expansion > 1 else None
        self.depthwise = SameConv(wide, wide, stage.kernel, stride, groups=wide)
        self.depthwise_norm = nn.BatchNorm2d(wide, EPSILON)
        self.project = SameConv(wide, stage.width, 1)
        self.project_norm = nn.BatchNorm2d(stage.width, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        wide = x
        if self.expand is not None and self.expand_norm is not None:
            wide = F.relu6(self.expand_norm(self.expand(x)))
        y: Tensor = self.project_norm(self.project(F.relu6(self.depthwise_norm(self.depthwise(wide)))))
        return x + y if self.adds else y


class EfficientnetLite0(nn.Module):
    """Standardised pixels [B, 3, S, S] -> features [B, 1280], the mean over maps; 3.4 million weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = SameConv(3, 32, 3, 2), nn.BatchNorm2d(32, EPSILON)
        blocks, width = list[Block](), 32
        for stage in STAGES:
            for number in range(stage.repeats):
                blocks.append(Block(width, stage, stage.stride if number == 0 else 1))
                width = stage.width
        self.blocks = nn.ModuleList(blocks)
        self.head, self.head_norm = SameConv(width, FEATURES, 1), nn.BatchNorm2d(FEATURES, EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.stem_norm(self.stem(x)))
        for block in self.blocks:
            y = block(y)
        maps: Tensor = F.relu6(self.head_norm(self.head(y)))
        return maps.mean(dim=(2, 3))


def renamed(tensors: Mapping[str, Tensor], where: str) -> dict[str, Tensor]:
    """Weights under our names; a classifier's are left out.

    Args:
        tensors: as this module, as the package efficientnet-lite-pytorch or as timm (tf_efficientnet_lite0) names them.

    Raises:
        UserError: a name is of none of these.
    """
    found = {}
    for name, value in tensors.items():
        if re.fullmatch(r"(_fc|classifier)\..*", name):
            continue
        new = _ours(name)
        if new is None:
            raise UserError(
                "weights-unsuitable",
                f"{where} must hold EfficientNet-Lite0 as efficientnet-lite-pytorch, timm or selfsup names its weights;"
                f" it holds {name!r}",
            )
        found[new] = value
    return found


_TOP = {
    "_conv_stem": "stem", "_bn0": "stem_norm", "_conv_head": "head", "_bn1": "head_norm",
    "conv_stem": "stem", "bn1": "stem_norm", "conv_head": "head", "bn2": "head_norm",
    "stem": "stem", "stem_norm": "stem_norm", "head": "head", "head_norm": "head_norm",
}  # fmt: skip
_OURS = ("expand", "expand_norm", "depthwise", "depthwise_norm", "project", "project_norm")
_PACKAGE = dict(
    zip(("_expand_conv", "_bn0", "_depthwise_conv", "_bn1", "_project_conv", "_bn2"), _OURS, strict=True)
)
_TIMM = dict(zip(("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3"), _OURS, strict=True))
_TIMM_FIRST = dict(zip(("conv_dw", "bn1", "conv_pw", "bn2"), _OURS[2:], strict=True))  # it widens nothing


def _ours(name: str) -> str | None:
    """Our name of a weight; None where the name is of no known kind."""
    if match := re.fullmatch(r"blocks\.(\d+)\.(\d+)\.(\w+)\.(\w+)", name):  # timm: stage, block in it
        stage, number, part, rest = int(match[1]), int(match[2]), match[3], match[4]
        if stage >= len(STAGES):
            return None
        block = sum(one.repeats for one in STAGES[:stage]) + number
        new = (_TIMM_FIRST if stage == 0 else _TIMM).get(part)
        return new and f"blocks.{block}.{new}.{rest}"
    if match := re.fullmatch(r"_?blocks\.(\d+)\.(\w+)\.(\w+)", name):
        new = _PACKAGE.get(match[2], match[2] if match[2] in _OURS else None)
        return new and f"blocks.{match[1]}.{new}.{match[3]}"
    if match := re.fullmatch(r"(\w+)\.(\w+)", name):
        new = _TOP.get(match[1])
        return new and f"{new}.{match[2]}"
    return None
