"""Deliberate errors in what forks, shares batches and memory, measures views and notices a slow training."""

from tests.mutations.base import Mutation

FORKS = ("tests/components/test_forks.py",)
CORES = ("tests/components/test_cores.py",)
PARALLEL = ("tests/components/training/test_data_parallel.py",)
GROUP = ("tests/components/training/test_shared_memory.py",)
CONV = ("tests/components/encoders/test_conv.py",)
EQUAL = ("tests/components/objectives/test_every_objective.py", "-m", "slow", "-k", "swav or dino or ibot")
SLOW = ("tests/components/training/test_slowdown.py",)
VIEWS = ("tests/components/training/test_view_choice.py",)
ORIENTATION = ("tests/components/training/test_orientation.py",)
POLICIES = (
    "tests/components/modalities/image/test_policies.py",
    "tests/components/modalities/image/test_augment.py",
)
SHARED = "components/training/data_parallel.py"
MEMORY = "components/training/shared_memory.py"
PLACES = "components/encoders/conv.py"
DRAWN = "components/modalities/image/augment.py"
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
    Mutation(MEMORY, "(rank + (1 << k)) % size", "(rank + 1) % size", GROUP),
    Mutation(MEMORY, "(processes - 1).bit_length()", "min(1, processes - 1)", GROUP),
    Mutation(MEMORY, "            told.release()\n", "", GROUP),
    Mutation(MEMORY, "self.parity = 1 - self.parity", "pass", GROUP),
    Mutation(MEMORY, "self._announce(collective, flat.nbytes)", "self._announce(0, 0)", GROUP),
    Mutation(MEMORY, "combine(out if number else first, part", "combine(first, part", GROUP),
    Mutation(MEMORY, "combine = torch.minimum", "combine = torch.maximum", GROUP),
    Mutation(MEMORY, "        out.div_(len(parts))\n", "        pass\n", GROUP),
    Mutation(MEMORY, "tensor.detach().copy_(flat.view(tensor.shape))", "pass", GROUP),
    Mutation(MEMORY, "flat[start:stop].copy_(slots[root])", "flat[start:stop].copy_(slots[0])", GROUP),
    Mutation(MEMORY, "SPIN = 50e-6", "SPIN = 5", GROUP),
    Mutation(PLACES, "max(0, -((place - pad) // step))", "max(0, -(place - pad) // step)", CONV),
    Mutation(PLACES, "(size - 1 + pad - place) // step + 1", "(size + pad - place) // step + 1", CONV),
    Mutation(PLACES, "found.permute(2, 3, 0, 1)", "found.permute(2, 3, 1, 0)", CONV),
    Mutation(PLACES, "self.bias is None\n", "True\n", CONV),
    Mutation(PLACES, 'self.padding_mode == "zeros"', "True", CONV),
    Mutation("components/encoders/base.py", "flatten(1, 2).mean(dim=1)", "flatten(1, 2).amax(dim=1)", CONV),
    Mutation("components/objectives/swav.py", "[rank()].transpose(0, 1)", "[0].transpose(0, 1)", EQUAL),
    Mutation("components/objectives/swav.py", "return gather(torch.cat(", "return (torch.cat(", EQUAL),
    Mutation("components/clustering/sinkhorn.py", "gather(here[None])", "here[None]", EQUAL),
    Mutation("components/objectives/dino.py", "(answer.dtype)])) / world()", "(answer.dtype)]))", EQUAL),
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
