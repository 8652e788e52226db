"""Deliberate errors in what the first objectives and methods stand on."""

from tests.mutations.base import Mutation

SIMCLR = ("tests/components/objectives/test_simclr.py", "-m", "not slow")
SWAV = ("tests/components/objectives/test_swav.py", "-m", "not slow")
LOOP = ("tests/components/training/test_loop.py", "-m", "not slow")
FIXMATCH = ("tests/components/semisupervised/test_fixmatch.py",)

MUTATIONS = [
    Mutation(
        "components/objectives/simclr.py", "everywhere.T / temperature", "everywhere.T * temperature", SIMCLR
    ),
    Mutation(
        "components/objectives/simclr.py",
        "itself, -torch.inf",
        "itself, 0.0",
        SIMCLR,
    ),
    Mutation(
        "components/objectives/swav.py",
        "torch.where(frozen, prototypes.detach(), prototypes)",
        "prototypes",
        SWAV,
    ),
    Mutation("components/objectives/swav.py", ".clamp_(max=self.config.queue)", "", SWAV),
    Mutation("components/training/loop.py", "(learner, lr_scale))", "(learner, 1.0))", LOOP),
    Mutation("components/semisupervised/fixmatch.py", "(mask * each).mean()", "each[mask].mean()", FIXMATCH),
    Mutation(
        "components/semisupervised/fixmatch.py", "confidence >= threshold", "confidence < threshold", FIXMATCH
    ),
]
