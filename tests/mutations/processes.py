"""Deliberate errors in what forks, shares batches, measures views and notices a slow training."""

from tests.mutations.base import Mutation

FORKS = ("tests/components/test_forks.py",)
CORES = ("tests/components/test_cores.py",)
PARALLEL = ("tests/components/training/test_data_parallel.py",)
SLOW = ("tests/components/training/test_slowdown.py",)
VIEWS = ("tests/components/training/test_view_choice.py",)
ORIENTATION = ("tests/components/training/test_orientation.py",)
POLICIES = ("tests/components/augmentations/test_policies.py", "tests/components/augmentations/test_image.py")
SHARED = "components/training/data_parallel.py"
DRAWN = "components/augmentations/image.py"
CHOICE = "components/training/view_choice.py"
SYMMETRY = "components/training/orientation.py"

MUTATIONS = [
    Mutation("components/cores.py", "granted = min(granted, _limit(folder))", "granted = _limit(folder)", CORES),
    Mutation("components/forks.py", "waiting.appendleft(number)", "pass", FORKS),
    Mutation("components/forks.py", "if deaths > RESTARTS:", "if deaths > 99:", FORKS),
    Mutation("components/forks.py", "crash.dies_too(parent)", "pass", FORKS),
    Mutation("components/forks.py", "prctl(1, signal.SIGKILL", "prctl(1, 0", FORKS),
    Mutation("components/forks.py", "if isinstance(error, UserError):", "if False:", FORKS),
    Mutation("components/forks.py", "for number in range(len(jobs))]", "for number in done]", FORKS),
    Mutation(SHARED, "self.flat /= world()", "pass", PARALLEL),
    Mutation(SHARED, "part.zero_()", "pass", PARALLEL),
    Mutation(SHARED, "parameter.grad = part if used else None", "parameter.grad = part", PARALLEL),
    Mutation(SHARED, "if all(size % p == 0", "if any(size % p == 0", PARALLEL),
    Mutation(SHARED, "processes_of(folder) or processes_for", "processes_for", PARALLEL),
    Mutation("components/encoders/norm.py", "or not self.synchronised ", "", PARALLEL),
    Mutation("components/training/learner.py", "same_state([*learner", "list([*learner", PARALLEL),
    Mutation("components/training/slowdown.py", "if now >= 0.5 * earlier:", "if now >= 0.9 * earlier:", SLOW),
    Mutation("components/training/slowdown.py", "self.warned = True", "pass", SLOW),
    Mutation(CHOICE, "best.error <= 1e-9:", "best.error <= -1:", VIEWS),
    Mutation(CHOICE, "x[torch.from_numpy(~out)], torch", "x[torch.from_numpy(out)], torch", VIEWS),
    Mutation(SYMMETRY, "if self.mirror > LIKE:", "if self.mirror < LIKE:", ORIENTATION),
    Mutation(SYMMETRY, "logits[g][:, g] - logits[g][:, 0]", "logits[g][:, 0] - logits[g][:, g]", ORIENTATION),
    Mutation(DRAWN, "(4 * share).floor()", "(3 * share).floor()", POLICIES),
    Mutation(DRAWN, 'draws["upside_down"] < config.upside_down', 'draws["upside_down"] > config.upside_down', POLICIES),
    Mutation(DRAWN, "resample(x, positions)", 'resample(x, positions, outside="zeros")', POLICIES),
]  # fmt: skip
