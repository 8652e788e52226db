"""Deliberate errors in what the first objectives and methods stand on."""

from tests.mutations.base import Mutation

SIMCLR = ("tests/components/objectives/test_simclr.py", "-m", "not slow")
SWAV = ("tests/components/objectives/test_swav.py", "-m", "not slow")
LOOP = ("tests/components/training/test_loop.py", "-m", "not slow")

MUTATIONS = [
    Mutation("similarities", "everywhere.T / temperature", "everywhere.T * temperature", SIMCLR),
    Mutation("similarities", "itself, -torch.inf", "itself, 0.0", SIMCLR),
    Mutation("Swav.forward", "torch.where(frozen, prototypes.detach(), prototypes)", "prototypes", SWAV),
    Mutation("Swav.after_step", ".clamp_(max=self.config.queue)", "", SWAV),
    Mutation("_Training.__init__", "(learner, lr_scale))", "(learner, 1.0))", LOOP),
    Mutation("fixmatch_loss", "(mask * each).mean()", "each[mask].mean()"),
    Mutation("fixmatch_loss", "confidence >= threshold", "confidence < threshold"),
]
