"""A series cut into windows."""

from collections.abc import Iterator


def spans(steps: int, window: int | None, hop: int | None) -> Iterator[tuple[int, int]]:
    """Begin and end of each sample of a series of so many steps.

    Without a window, and where the series is no longer than one, it is one sample. 10 steps in windows of 4 with a hop
    of 3: (0, 4), (3, 7), (6, 10); with a hop of 4: (0, 4), (4, 8).
    """
    if window is None or steps <= window:
        yield 0, steps
        return
    for begin in range(0, steps - window + 1, hop or window):
        yield begin, begin + window
