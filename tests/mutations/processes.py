"""Deliberate errors in what forks, shares batches and memory, measures views and notices a slow training."""

from tests.mutations.base import Mutation

CONV = ("tests/components/encoders/test_conv.py",)
EQUAL = ("tests/components/objectives/test_every_objective.py", "-m", "slow", "-k", "swav or dino or ibot")
PARALLEL = ("tests/components/training/test_data_parallel.py",)
POLICIES = (
    "tests/components/modalities/image/test_policies.py",
    "tests/components/modalities/image/test_augment.py",
)

MUTATIONS = [
    Mutation("quota", "granted = min(granted, _limit(folder))", "granted = _limit(folder)"),
    Mutation("forks.side_by_side", "waiting.appendleft(number)", "pass"),
    Mutation("forks.side_by_side", "if deaths > RESTARTS:", "if deaths > 99:"),
    Mutation("forks._begin", "crash.dies_too(parent)", "pass"),
    Mutation("forks._begin", "prctl(1, signal.SIGKILL", "prctl(1, 0"),
    Mutation("at_once", "if isinstance(error, UserError):", "if False:"),
    Mutation("run_all", "for number in range(len(jobs))]", "for number in done]"),
    Mutation("Gradients.average", "self.flat /= world()", "pass"),
    Mutation("Gradients.average", "part.zero_()", "pass"),
    Mutation("Gradients.average", "parameter.grad = part if used else None", "parameter.grad = part"),
    Mutation("processes_for", "if all(size % p == 0", "if any(size % p == 0"),
    Mutation("how_many", "processes_of(folder) or processes_for", "processes_for"),
    Mutation("Group.__init__", "(rank + (1 << k)) % size", "(rank + 1) % size"),
    Mutation("Room.__init__", "(processes - 1).bit_length()", "min(1, processes - 1)"),
    Mutation("Group._meet", "            told.release()\n", ""),
    Mutation("Group._meet", "self.parity = 1 - self.parity", "pass"),
    Mutation("Group._pieces", "self._announce(collective, flat.nbytes)", "self._announce(0, 0)"),
    Mutation("reduce_in_order", "combine(out if number else first, part", "combine(first, part"),
    Mutation("reduce_in_order", "combine = torch.minimum", "combine = torch.maximum"),
    Mutation("reduce_in_order", "        out.div_(len(parts))\n", "        pass\n"),
    Mutation("_give_back", "tensor.detach().copy_(flat.view(tensor.shape))", "pass"),
    Mutation("Group.broadcast", "flat[start:stop].copy_(slots[root])", "flat[start:stop].copy_(slots[0])"),
    Mutation("shared_memory", "SPIN = 50e-6", "SPIN = 5"),
    Mutation("conv._seen", "max(0, -((place - pad) // step))", "max(0, -(place - pad) // step)"),
    Mutation("conv._seen", "(size - 1 + pad - place) // step + 1", "(size + pad - place) // step + 1"),
    Mutation("weight_gradient", "found.permute(2, 3, 0, 1)", "found.permute(2, 3, 1, 0)"),
    Mutation("Conv2d._by_places", "self.bias is None\n", "True\n"),
    Mutation("Conv2d._by_places", 'self.padding_mode == "zeros"', "True"),
    Mutation("base.pooled", "flatten(1, 2).mean(dim=1)", "flatten(1, 2).amax(dim=1)", CONV),
    Mutation("Swav._codes", "[rank()].transpose(0, 1)", "[0].transpose(0, 1)", EQUAL),
    Mutation("Swav._everyones", "return gather(torch.cat(", "return (torch.cat(", EQUAL),
    Mutation("sinkhorn.sinkhorn", "gather(here[None])", "here[None]", EQUAL),
    Mutation("Dino.after_step", "(answer.dtype)])) / world()", "(answer.dtype)]))", EQUAL),
    Mutation("BatchNorm.forward", "or not self.synchronised ", "", PARALLEL),
    Mutation("Averaged.__init__", "same_state([*learner", "list([*learner", PARALLEL),
    Mutation("Slowdown.seen", "if now >= 0.5 * earlier:", "if now >= 0.9 * earlier:"),
    Mutation("Slowdown.seen", "self.warned = True", "pass"),
    Mutation("view_choice.decide", "best.error <= 1e-9:", "best.error <= -1:"),
    Mutation("view_choice._right", "x[torch.from_numpy(~out)], torch", "x[torch.from_numpy(out)], torch"),
    Mutation("Orientation.policy", "if self.mirror > LIKE:", "if self.mirror < LIKE:"),
    Mutation("_share_told_apart", "logits[g][:, g] - logits[g][:, 0]", "logits[g][:, 0] - logits[g][:, g]"),
    Mutation("augment._look", "(4 * share).floor()", "(3 * share).floor()", POLICIES),
    Mutation(
        "augment._look",
        'draws["upside_down"] < config.upside_down',
        'draws["upside_down"] > config.upside_down',
        POLICIES,
    ),
    Mutation("augment._look", "resample(x, positions)", 'resample(x, positions, outside="zeros")', POLICIES),
]
