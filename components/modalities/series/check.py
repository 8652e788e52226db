"""Is this a series that training can use? Decodes it as packing will, and adds the recipe's limits."""

from collections.abc import Sequence

import numpy as np

from components.modalities.series.config import SeriesLimits
from components.modalities.series.decode import Axes, NotSeries, decode


def check_series(batch: Sequence[bytes], limits: SeriesLimits, axes: Axes) -> list[str | None]:
    """Why a series belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of too large, not a series, not numbers, not finite, no
    channels, too many channels, no values, too short, too long.
    """
    return [_reason(data, limits, axes) for data in batch]


def _reason(data: bytes, limits: SeriesLimits, axes: Axes) -> str | None:
    if len(data) > limits.max_bytes:
        return f"too large: {len(data)} bytes, allowed {limits.max_bytes}"
    try:
        values = decode(data, axes)
    except NotSeries as error:
        return str(error)
    steps, channels = values.shape
    if not channels:
        return "no channels"
    if channels > limits.max_channels:
        return f"too many channels: {channels}, allowed {limits.max_channels}; are the axes right (modality.axes)?"
    if steps > limits.max_steps:
        return (
            f"too long: {steps} time steps, allowed {limits.max_steps}; cut it into windows (modality.window)"
        )
    there = int((~np.isnan(values)).any(axis=1).sum())
    if not there:
        return f"no values: all {steps} time steps are missing"
    if there < limits.min_steps:
        return f"too short: {there} time steps with a value, needed {limits.min_steps}"
    return None
