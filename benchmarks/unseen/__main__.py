"""python -m benchmarks.unseen sets | packages | write | run | results: see command.py."""

import os
import sys

from components.cores import ONE_THREAD
from components.errors import UserError

if __name__ == "__main__":
    os.environ.update(ONE_THREAD)  # before what reads it is imported
    from benchmarks.unseen.command import main

    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        sys.exit("stopped; the same command resumes")
