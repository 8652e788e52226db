"""python -m benchmarks.kinds packages | run | results: see command.py."""

import os
import signal
import sys
from types import FrameType

from components.cores import ONE_THREAD
from components.errors import UserError


def stop(number: int, frame: FrameType | None) -> None:
    """Ends what was started as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    os.environ.update(ONE_THREAD)  # before what reads it is imported
    from benchmarks.kinds.command import main

    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command resumes")
