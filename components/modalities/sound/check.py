"""Is this a sound that training can use? Decodes it to its end, and adds the recipe's limits."""

import math
from collections.abc import Sequence

from components.modalities.sound.config import SoundLimits
from components.modalities.sound.decode import Heard, SoundError, listen


def check_sounds(batch: Sequence[bytes], limits: SoundLimits) -> list[str | None]:
    """Why a sound belongs in quarantine, or None where it is good: of each of a batch, in order. Never raises.

    The reason is "kind" or "kind: detail"; the kind is one of empty, too large a file, not a sound, wrong rate, too
    long, too short, truncated, unreadable, not finite, silent, clipped.
    """
    return [reason if isinstance(reason, str) else None for reason in examine(batch, limits)]


def examine(batch: Sequence[bytes], limits: SoundLimits) -> list[Heard | str]:
    """What each sound is, or the reason of its quarantine."""
    return [_examined(data, limits) for data in batch]


def _examined(data: bytes, limits: SoundLimits) -> Heard | str:
    if len(data) > limits.max_bytes:
        return f"too large a file: {len(data)} bytes, allowed {limits.max_bytes}"
    try:
        heard = listen(data, limits.max_seconds)
    except SoundError as error:
        return str(error)
    if heard.seconds < limits.min_seconds:
        return f"too short: {heard.seconds:.3f} s, needed {limits.min_seconds:g}"
    level = 20 * math.log10(max(heard.peak, 1e-10))
    if level < limits.min_level:
        return f"silent: its peak is {level:.0f} dB of full scale, needed {limits.min_level:.0f}"
    if heard.clipped > limits.max_clipped:
        share = f"{100 * heard.clipped:.0f} %"
        return f"clipped: {share} of its frames are at full scale, allowed {100 * limits.max_clipped:.0f} %"
    return heard
