"""What the quickstart reaches, over seeds and label draws: python benchmarks/quality.py [--objective O] [--seeds 5]

With --each N, ...: what it reaches with N labels a class, N, ...; every draw starts from the pretraining of seed 0, and
docs/quality-labels.md is written.

Seed 0 has the shipped 100 labels; every other seed draws 100 others (10 a class) from the true labels, and another
initialisation. All else is the recipe. Beside the model stand the baselines with the same labels, measured in the same
run on the same 4,000 test samples; and beside the pseudo-labels that are kept, logistic regression's own surest
predictions at the same coverage. Writes docs/quality-OBJECTIVE.md. About 5 minutes a seed on two cores.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as `python -m` does
    from benchmarks.quickstart.command import main

    main()
