"""Deliberate errors in the joint-embedding objectives."""

from tests.mutations.base import Mutation, mirrored


def of(name: str, old: str, new: str, test: str | None = None) -> Mutation:
    tests = (mirrored(f"components/objectives/{test or name}.py"), "-m", "not slow")
    return Mutation(f"components/objectives/{name}.py", old, new, tests)


MUTATIONS = [
    of("parts/two_views", "dim=-1, eps=1e-6", "dim=0, eps=1e-6"),
    of("base", "        self.progress.zero_()\n", "", "dino"),
    of("parts/queue", "[arrived, self.rows]", "[self.rows, arrived]"),
    of("parts/queue", "(samples // 4)", "samples"),
    of("parts/queue", "self.rows[len(rows) :]])", "self.rows])"),
    of("parts/queue", "rows.to(self.rows), self.rows[len(rows)", "self.rows, self.rows[len(rows)"),
    of("moco", "self.queue.fitted(", "("),
    of("nnclr", "self.queue.fitted(", "("),
    of(
        "moco", "q @ old.T.to(q.dtype)], dim=1) / temperature", "q @ old.T.to(q.dtype)], dim=1) * temperature"
    ),
    of("moco", "unit(key.detach())", "unit(key)"),
    of("moco", "q, k, old = unit(query)", "q, k, old = query"),
    of("moco", "        if self.training:\n            self._keys = keys\n", "        self._keys = keys\n"),
    of(
        "moco",
        "            self._keys = keys\n",
        "            self._keys = keys\n            self.queue.push(keys[0])\n",
    ),
    of("moco", "self.head), self.config.momentum)", "self.head), 1 - self.config.momentum)"),
    of("moco", "views, views[::-1]) if", "views, views) if"),
    of("parts/two_views", "gather(unit(key)).T", "gather(unit(key.detach())).T", "nnclr"),
    of("parts/two_views", "unit(query) @", "query @", "mocov3"),
    of("mocov3", "return 2 * temperature * of_own_key", "return 2 * of_own_key"),
    of("mocov3", "key.detach(), temperature", "key, temperature"),
    of("mocov3", "contrast(first, second_key", "contrast(first, first_key"),
    of("mocov3", "Losses(there + back)", "Losses(there)"),
    of("mocov3", "rising(self.config.momentum, progress)", "self.config.momentum"),
    of("nnclr", "argmax(dim=1)", "argmin(dim=1)"),
    of("nnclr", "neighbours.detach(), predictions,", "predictions, neighbours.detach(),"),
    of(
        "nnclr",
        "neighbour_loss(nearest(first, self.queue.rows), of_second",
        "neighbour_loss(nearest(first, self.queue.rows), of_first",
    ),
    of("nnclr", "            self._seen = first", "            self._seen = second"),
    of("supcon", "& (labels >= 0)", "& (labels >= -1)"),
    of("supcon", " | (own.unsqueeze(1) == sample)", ""),
    of("supcon", "log_p = logits.log_softmax(dim=1)", "log_p = logits"),
    of("supcon", "alike.repeat(2, 2) & (logits > -torch.inf)", "alike.repeat(2, 2)"),
    of(
        "supcon",
        ".sum(dim=1) / positive.sum(dim=1)\n        return -each.mean()",
        ".sum(dim=1)\n        return -each.sum() / positive.sum()",
    ),
    of("supcon", "else batch.targets\n", "else torch.full_like(batch.index, -1)\n"),
    of("byol", "unit(target.detach())", "unit(target)"),
    of("byol", "regression(first, second_target)", "regression(first, first_target)"),
    of("byol", "return 2 - 2 *", "return 2 + 2 *"),
    of("byol", " + regression(second, first_target)", ""),
    of("byol", "rising(self.config.momentum, progress)", "rising(self.config.momentum, 1 - progress)"),
    of("simsiam", "unit(target.detach())", "unit(target)"),
    of("simsiam", "return -(unit", "return (unit"),
    of("simsiam", "negative_cosine(of_first, second)", "negative_cosine(of_first, first)"),
    of("barlow", "/ samples\n        first, second", "/ (samples - 1)\n        first, second"),
    of("barlow", "first.T @ second", "first.T @ first"),
    of("barlow", "correlation.square().sum() - diagonal.square().sum()", "correlation.square().sum()"),
    of("barlow", "both - all_reduce_sum(both.sum(dim=1, keepdim=True)) / samples", "both"),
    of("vicreg", "/ (samples - 1)  #", "/ samples  #"),
    of("vicreg", "torch.relu(1 - torch.sqrt(variances + 1e-4))", "torch.relu(1 - variances)"),
    of("vicreg", "variances.square().sum()) / a.shape[1]", "variances.square().sum())"),
    of("vicreg", "both[0] - both[1]", "both[0] + both[1]"),
    of("parts/koleo", ".scatter(1, own.unsqueeze(1), -torch.inf)", ""),
    of("parts/koleo", "return -0.5", "return 0.5"),
    of("parts/koleo", "here - everywhere[cosines", "here - everywhere.detach()[cosines"),
    of("parts/koleo", "squared.clamp_min(LEAST**2)", "(squared.sqrt() + 1e-8).square()"),
    of("dino", "at_least_float32(scores.detach())", "at_least_float32(scores)"),
    of("dino", "detach()) - centre)", "detach()))"),
    of("dino", "@ unit(last).T", "@ last.T"),
    of("dino", "1 - self.config.centre)", "self.config.centre)"),
    of("dino", "torch.where(frozen, self.last.detach(), self.last)", "self.last"),
    of("dino", "return cast(Encoder, self.teacher[0])", "return encoder"),
    of("dino", "temperature=config.temperature)", "temperature=temperature)"),
    of("dino", "layers=3, norm=norm", "layers=3, norm=not norm"),
    of("dino", "math.log(self.config.outputs) - entropy", "entropy - math.log(self.config.outputs)"),
    of("dino", "koleo(f) for f in features[:2]", "koleo(f) for f in features"),
    of("dino", "rising(self.config.momentum, progress)", "self.config.momentum"),
]
