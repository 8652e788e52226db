"""What suits somebody's images: size, channels, range of values, network."""

import json
from collections.abc import Sequence
from statistics import median

from PIL.Image import Image

from components.modalities.image.check import examine, examine_values
from components.modalities.image.config import ImageConfig, ImageLimits
from components.modalities.image.file import Picture, ends
from components.modalities.image.pack import common_range
from components.modalities.image.values import Values
from components.modalities.look import Look, Suited

GREY_TOLERANCE = 8  # of 255, between channels: what JPEG adds to a grey picture
LADDER = (16, 24, 28, 32, 48, 64, 96)  # sides that a recipe is given
SEEN = tuple[tuple[int, int], bool, tuple[int, ...] | None, tuple[float, float] | None]


class ImageLook(Look):
    """sizes: (width, height) of the good ones. grey: how many of them. deep: lowest and highest value of each grey one
    of more than 8 bits. colour: RGB of the only colour there is; None where there are several. types: of the values,
    where they are kept."""

    def __init__(self, config: ImageConfig | None = None, limits: ImageLimits | None = None) -> None:
        self.config, self.limits = config or ImageConfig(), limits or ImageLimits()
        self.types: set[str] = set()
        self.sizes: list[tuple[int, int]] = []
        self.grey = 0
        self.deep: list[tuple[float, float]] = []
        self.colour: tuple[int, ...] | None = None

    def add(self, batch: Sequence[bytes]) -> list[str | None]:
        if self.config.kept:
            return self._add_values(batch)
        undecided = not self.sizes or self.colour is not None
        found = examine(batch, self.limits, lambda image, seen: _look_at(image, seen, undecided))
        for one in found:
            if one.seen is not None:
                size, grey, only, limits = one.seen
                self.colour = only if not self.sizes or only == self.colour else None
                self.sizes.append(size)
                self.grey += grey
                self.deep += [limits] if limits is not None else []
        return [one.reason for one in found]

    def _add_values(self, batch: Sequence[bytes]) -> list[str | None]:
        found = examine_values(batch, self.limits, self.config.channels, _values_of)
        for one in found:
            if one.seen is not None:
                size, kind, only, limits = one.seen
                self.colour = only if not self.sizes or only == self.colour else None
                self.sizes.append(size)
                self.grey += self.config.channels == 1
                self.types.add(kind)
                self.deep += [limits] if kind != "uint8" else []
        return [one.reason for one in found]

    @property
    def good(self) -> int:
        return len(self.sizes)

    @property
    def useless(self) -> str | None:
        if self.colour is None or len(self.sizes) < 2:
            return None
        return f"are the same single colour {self.colour}: nothing can be learnt from that; give images that differ"

    @property
    def side(self) -> int:
        return int(median(min(size) for size in self.sizes))

    @property
    def range(self) -> tuple[float, float] | None:
        """The values of images of more than 8 bits that become black and white; None where there are none."""
        if not self.deep:
            return None
        low, high = (float(f"{end:.6g}") for end in common_range(self.deep))
        return low, high

    def lines(self) -> list[str]:
        widths, heights = zip(*self.sizes, strict=True)
        shape = f"{widths[0]} x {heights[0]}" if len(set(self.sizes)) == 1 else (
            f"{min(widths)} x {min(heights)} to {max(widths)} x {max(heights)}, median short side {self.side}"
        )  # fmt: skip
        if self.config.kept:
            kinds = " and ".join(sorted(self.types))
            return [f"{shape} pixels, {self.config.channels} channels of {kinds}, stored as they are"]
        lines = [f"{shape} pixels; {self.grey} grey, {len(self.sizes) - self.grey} in colour"]
        if self.range is not None:
            low, high = self.range
            lines.append(
                f"{len(self.deep)} of more than 8 bits: values from {low:g} to {high:g} become black to white "
                "(modality.range; 0.1 % at either end is left out)"
            )
        return lines

    def suited(self, samples: int) -> Suited:
        size = self._size(samples)
        if self.config.kept:
            own = self.config.model_dump(mode="json", exclude_defaults=True, exclude={"size"})
            given = "".join(f", {key}: {json.dumps(value)}" for key, value in own.items() if key != "name")
            return self._suited(size, given)
        channels = 1 if self.grey >= 0.99 * len(self.sizes) else 3
        limits = "" if self.range is None else f", range: [{', '.join(f'{end:.15g}' for end in self.range)}]"
        return self._suited(size, f", channels: {channels}{limits}")

    def _suited(self, size: int, options: str) -> Suited:
        stride = 2 if size >= 24 else 1
        return Suited(
            modality=f"{{name: image, size: {size}{options}}}",
            why=f"short side: {self.side}, the median",
            encoder=f"{{name: resnet, widths: [32, 64, 128], blocks: [1, 1, 1], stem_stride: {stride}}}",
            objective="{name: simclr}",
            speed=speed_of(size, stride),
        )

    def _size(self, samples: int) -> int:
        """Their own where all are squares of one usual size, else the largest of LADDER that they have; 96 for few
        large ones."""
        side, (width, height) = self.side, self.sizes[0]
        if len(set(self.sizes)) == 1 and width == height and 16 <= side <= 64:
            return side
        fit = [s for s in LADDER if s <= side and (s < 96 or (side >= 160 and samples <= 3000))]
        return fit[-1] if fit else 16


def speed_of(side: int, stride: int, cores: int = 2) -> float:
    """Samples a second that the small ResNet (32, 64, 128) trains on with two views of `side` pixels.

    Measured with two processes on two cores: 3,400 with 20 pixels at stride 2. Time goes with the area of the first
    map.
    """
    return 3400 * (10 * stride / side) ** 2 * cores / 2


def _look_at(image: Image, seen: Picture, colour: bool) -> SEEN:
    """Size, whether it is grey, its only colour where it has but one and `colour` asks for it, and the ends of its
    values where they have more than 8 bits."""
    deep = seen.limits is not None
    only = _only_colour(image) if colour and not deep else None
    return (
        image.size,
        (len(seen.bands) == 1 or image.mode != "F") and _is_grey(image),
        only,
        ends(seen.values()) if deep else None,
    )


def _values_of(values: Values) -> tuple[tuple[int, int], str, tuple[int, ...] | None, tuple[float, float]]:
    """Size, type, the only value where it has but one in each channel, and the ends of the values."""
    low, high = values.min(axis=(1, 2)), values.max(axis=(1, 2))
    only = tuple(low.tolist()) if (low == high).all() else None
    return (values.shape[2], values.shape[1]), values.dtype.name, only, (float(low.min()), float(high.max()))


def _only_colour(image: Image) -> tuple[int, ...] | None:
    """RGB of a decoded image of one single colour, else None."""
    low, high = zip(*image.convert("RGB").getextrema(), strict=True)
    return low if low == high else None


def _is_grey(image: Image) -> bool:
    if image.mode in ("1", "L", "LA", "La", "F") or image.mode.startswith("I"):
        return True
    small = image.convert("RGB").resize((32, 32))
    red, green, blue = (channel.tobytes() for channel in small.split())
    return all(max(c) - min(c) <= GREY_TOLERANCE for c in zip(red, green, blue, strict=True))
