"""MLflow's picture of a run, in a process of its own as MLflow takes 200 MB: python -m pipelines.flows.mirror RUN."""

import sys

from pipelines.settings import Settings


def main() -> int:
    from pipelines import tracking  # imports MLflow

    tracking.mirror(Settings.load(), sys.argv[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
