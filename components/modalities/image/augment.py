"""Views of images: a whole batch at once, in plain torch, on the device of the batch.

Source: SimCLR's augmentations (appendix A of arXiv:2002.05709), solarise from BYOL (arXiv:2006.07733).
Letters: B samples, C channels, H x W the sample, S side of the view.
Every sample draws its own parameters, and no sample's view depends on another sample.
"""

import math

import torch
from pydantic import Field, PositiveInt, model_validator
from torch import Tensor

from components.config import Config
from components.errors import UserError
from components.modalities.image import colour, geometry, randaugment

DRAWS = (
    "area", "ratio", "left", "top", "flip", "angle", "shift_x", "shift_y",
    "jitter", "brightness", "contrast", "saturation", "hue", "gamma", "grayscale", "blur", "sigma",
    "solarise", "erase", "erase_area", "erase_ratio", "erase_left", "erase_top",
    "pick_0", "pick_1", "pick_2", "by_0", "by_1", "by_2", "cut", "cut_left", "cut_top",
    "upside_down", "quarter",
)  # fmt: skip


class ViewConfig(Config):
    """How a view of an image is made. A strength or probability of 0 switches an operation off at no cost.

    On images that do not have three channels, saturation, hue and grayscale have no effect, and no channel's values
    depend on another's: contrast is about each channel's own mean. RandAugment's operations work on 256 levels, as
    published, also where values have more bits.
    """

    size: PositiveInt = 32
    """Side of the view in pixels; that of the data (`modality.size`) where a recipe names none."""

    scale: tuple[float, float] = (0.2, 1.0)
    """Bounds of the crop's area, as shares of the image's area."""

    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    """Bounds of the crop's width divided by its height."""

    flip: float = Field(default=0.5, ge=0, le=1)
    """Probability of a left-right flip."""

    upside_down: float = Field(default=0.0, ge=0, le=1)
    """Probability of a top-bottom flip."""

    quarter_turns: float = Field(default=0.0, ge=0, le=1)
    """Probability of a turn by 0, 90, 180 or 270 degrees, each equally likely."""

    rotate: float = Field(default=0.0, ge=0, le=180)
    """Largest rotation in degrees; the angle is drawn from -rotate to rotate."""

    translate: float = Field(default=0.0, ge=0, le=1)
    """Largest shift as a share of the side; drawn from -translate to translate along each axis."""

    jitter: float = Field(default=0.8, ge=0, le=1)
    """Probability that brightness, contrast, saturation, hue and gamma are changed (all of them together)."""

    brightness: float = Field(default=0.4, ge=0, le=1)
    """Factors are drawn from 1 - brightness to 1 + brightness."""

    contrast: float = Field(default=0.4, ge=0, le=1)
    """Factors are drawn from 1 - contrast to 1 + contrast."""

    saturation: float = Field(default=0.4, ge=0, le=1)
    """Factors are drawn from 1 - saturation to 1 + saturation."""

    hue: float = Field(default=0.1, ge=0, le=0.5)
    """Largest change of hue, as a share of the colour circle; drawn from -hue to hue."""

    gamma: float = Field(default=0.0, ge=0, le=3)
    """Exponents are drawn from exp(-gamma) to exp(gamma)."""

    grayscale: float = Field(default=0.2, ge=0, le=1)
    """Probability that the colours are removed."""

    blur: float = Field(default=0.0, ge=0, le=1)
    """Probability of a Gaussian blur."""

    sigma: tuple[float, float] = (0.1, 2.0)
    """Bounds of the blur's standard deviation in pixels."""

    solarise: float = Field(default=0.0, ge=0, le=1)
    """Probability of solarisation (values above the middle are inverted)."""

    erase: float = Field(default=0.0, ge=0, le=1)
    """Probability that a random rectangle is erased."""

    erase_scale: tuple[float, float] = (0.02, 0.33)
    """Bounds of the erased area, as shares of the view's area."""

    randaugment: int = Field(default=0, ge=0, le=3)
    """Number of RandAugment operations applied one after another (published: 2)."""

    cutout: float = Field(default=0.0, ge=0, le=1)
    """Largest side of a grey square, as a share of the shorter side (published with RandAugment: 0.5)."""

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "ViewConfig":
        for name, top in (("scale", 1.0), ("ratio", math.inf), ("sigma", math.inf), ("erase_scale", 1.0)):
            low, high = getattr(self, name)
            if not 0 < low <= high <= top:
                raise ValueError(
                    f"{name} needs 0 < low <= high{' <= 1' * (top == 1)}, got ({low:g}, {high:g})"
                )
        return self


def augment(x: Tensor, config: ViewConfig, generator: torch.Generator) -> Tensor:
    """One view of every sample.

    Args:
        x: [B, C, H, W] float in [0, 1]; not changed.
        generator: may live on the CPU or on x's device; the only source of chance. Each call draws the same
        amount
            whatever the config, so that switching one operation off leaves the others' parameters alone.

    Returns:
        [B, C, S, S] float in [0, 1], on x's device, a new tensor without gradient.

    Raises:
        UserError: x is not a batch of float images.
    """
    if x.ndim != 4 or not x.is_floating_point():
        raise UserError(
            "array-invalid",
            f"augment needs images [B, C, H, W] float in [0, 1], got {x.dtype} {list(x.shape)}; "
            f"divide bytes by 255",
        )
    with torch.no_grad():
        numbers = torch.rand(len(DRAWS), len(x), generator=generator, device=generator.device)
        draws = dict(zip(DRAWS, numbers.to(x.device, x.dtype), strict=True))
        y = _look(x, config, draws)
        y = _colours(y, config, draws)
        if config.blur:
            sigma = _between(draws["sigma"], *config.sigma)
            y = colour.blur(y, torch.where(draws["blur"] < config.blur, sigma, 0.0))
        if config.solarise:
            y = colour.solarise(y, torch.where(draws["solarise"] < config.solarise, 0.5, 2.0))
        if config.randaugment:
            picks, strengths = (
                torch.stack([draws[f"{name}_{number}"] for number in range(config.randaugment)])
                for name in ("pick", "by")
            )
            y = randaugment.randaugment(y, picks, strengths)
        if config.erase:
            area = _between(draws["erase_area"], *config.erase_scale)
            ratio = torch.exp(_between(draws["erase_ratio"], math.log(0.3), math.log(3.3)))
            boxes = geometry.crop_boxes(area, ratio, draws["erase_left"], draws["erase_top"])
            y = geometry.erase(y, boxes, draws["erase"] < config.erase)
        if config.cutout:
            y = randaugment.cutout(y, draws["cut"] * config.cutout, draws["cut_left"], draws["cut_top"])
        return y


def _look(x: Tensor, config: ViewConfig, draws: dict[str, Tensor]) -> Tensor:
    aspect = x.shape[3] / x.shape[2]
    whole = config.scale[0] == 1 and config.ratio == (1.0, 1.0) and aspect == 1
    moves = config.rotate > 0 or config.translate > 0 or config.quarter_turns > 0
    mirrors = config.flip > 0 or config.upside_down > 0
    if whole and not moves and not mirrors and x.shape[2] == config.size:
        return x.clone()
    area = _between(draws["area"], *config.scale)
    ratio = torch.exp(_between(draws["ratio"], *(math.log(r) for r in config.ratio)))
    boxes = geometry.crop_boxes(area, ratio, draws["left"], draws["top"], aspect)
    mirrored, upside_down = draws["flip"] < config.flip, draws["upside_down"] < config.upside_down
    positions = geometry.grid(boxes, mirrored, config.size, upside_down)
    if moves:
        shift = torch.stack(
            [_around(draws["shift_x"], config.translate), _around(draws["shift_y"], config.translate)], 1
        )
        # The same number decides whether and by how much: below the probability it is uniform again.
        share = (
            (draws["quarter"] / config.quarter_turns).clamp(max=1)
            if config.quarter_turns
            else 0 * draws["quarter"]
        )
        quarters = torch.where(share < 1, (4 * share).floor(), 0)
        angle = _around(draws["angle"], config.rotate) + 90 * quarters
        positions = geometry.turn(positions, angle, shift, aspect)
    return geometry.resample(x, positions)


def _colours(x: Tensor, config: ViewConfig, draws: dict[str, Tensor]) -> Tensor:
    coloured = x.shape[1] == 3
    strength = (draws["jitter"] < config.jitter).to(x.dtype)  # 0 leaves the sample as it is
    kept = (draws["grayscale"] >= config.grayscale).to(x.dtype)
    toning = config.jitter > 0 and (config.brightness > 0 or config.contrast > 0)
    colouring = config.jitter > 0 and (config.saturation > 0 or config.hue > 0)
    if toning or (coloured and (colouring or config.grayscale > 0)):
        x = colour.jitter(
            x,
            1 + strength * _around(draws["brightness"], config.brightness),
            1 + strength * _around(draws["contrast"], config.contrast),
            kept * (1 + strength * _around(draws["saturation"], config.saturation)),
            strength * _around(draws["hue"], config.hue),
        ).clamp_(0, 1)
    if config.jitter and config.gamma:
        x = colour.gamma(x, torch.exp(strength * _around(draws["gamma"], config.gamma)))
    return x


def _between(u: Tensor, low: float, high: float) -> Tensor:
    return low + u * (high - low)


def _around(u: Tensor, reach: float) -> Tensor:
    return (2 * u - 1) * reach
