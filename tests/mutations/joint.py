"""Deliberate errors in the joint-embedding objectives."""

from tests.mutations.base import Mutation

TWO_VIEWS = ("tests/components/objectives/parts/test_two_views.py", "-m", "not slow")
DINO = ("tests/components/objectives/test_dino.py", "-m", "not slow")
QUEUE = ("tests/components/objectives/parts/test_queue.py", "-m", "not slow")
MOCO = ("tests/components/objectives/test_moco.py", "-m", "not slow")
NNCLR = ("tests/components/objectives/test_nnclr.py", "-m", "not slow")
MOCOV3 = ("tests/components/objectives/test_mocov3.py", "-m", "not slow")
SUPCON = ("tests/components/objectives/test_supcon.py", "-m", "not slow")
BYOL = ("tests/components/objectives/test_byol.py", "-m", "not slow")
SIMSIAM = ("tests/components/objectives/test_simsiam.py", "-m", "not slow")
BARLOW = ("tests/components/objectives/test_barlow.py", "-m", "not slow")
VICREG = ("tests/components/objectives/test_vicreg.py", "-m", "not slow")
KOLEO = ("tests/components/objectives/parts/test_koleo.py", "-m", "not slow")

MUTATIONS = [
    Mutation("two_views.unit", "dim=-1, eps=1e-6", "dim=0, eps=1e-6", TWO_VIEWS),
    Mutation("Objective.carry_over", "        self.progress.zero_()\n", "", DINO),
    Mutation("Queue.push", "[arrived, self.rows]", "[self.rows, arrived]", QUEUE),
    Mutation("length_for", "(samples // 4)", "samples", QUEUE),
    Mutation("Queue.fitted", "self.rows[len(rows) :]])", "self.rows])", QUEUE),
    Mutation(
        "Queue.fitted", "rows.to(self.rows), self.rows[len(rows)", "self.rows, self.rows[len(rows)", QUEUE
    ),
    Mutation("Moco.carry_over", "self.queue.fitted(", "(", MOCO),
    Mutation("Nnclr.carry_over", "self.queue.fitted(", "(", NNCLR),
    Mutation(
        "info_nce",
        "q @ old.T.to(q.dtype)], dim=1) / temperature",
        "q @ old.T.to(q.dtype)], dim=1) * temperature",
        MOCO,
    ),
    Mutation("info_nce", "unit(key.detach())", "unit(key)", MOCO),
    Mutation("info_nce", "q, k, old = unit(query)", "q, k, old = query", MOCO),
    Mutation(
        "Moco.forward",
        "        if self.training:\n            self._keys = keys\n",
        "        self._keys = keys\n",
        MOCO,
    ),
    Mutation(
        "Moco.forward",
        "            self._keys = keys\n",
        "            self._keys = keys\n            self.queue.push(keys[0])\n",
        MOCO,
    ),
    Mutation(
        "Moco.after_step", "self.head), self.config.momentum)", "self.head), 1 - self.config.momentum)", MOCO
    ),
    Mutation("Moco.forward", "views, views[::-1]) if", "views, views) if", MOCO),
    Mutation("of_own_key", "gather(unit(key)).T", "gather(unit(key.detach())).T", NNCLR),
    Mutation("of_own_key", "unit(query) @", "query @", MOCOV3),
    Mutation("mocov3.contrast", "return 2 * temperature * of_own_key", "return 2 * of_own_key", MOCOV3),
    Mutation("mocov3.contrast", "key.detach(), temperature", "key, temperature", MOCOV3),
    Mutation("Mocov3.forward", "contrast(first, second_key", "contrast(first, first_key", MOCOV3),
    Mutation("Mocov3.forward", "Losses(there + back)", "Losses(there)", MOCOV3),
    Mutation("Mocov3.after_step", "rising(self.config.momentum, progress)", "self.config.momentum", MOCOV3),
    Mutation("nnclr.nearest", "argmax(dim=1)", "argmin(dim=1)", NNCLR),
    Mutation(
        "neighbour_loss", "neighbours.detach(), predictions,", "predictions, neighbours.detach(),", NNCLR
    ),
    Mutation(
        "Nnclr.forward",
        "neighbour_loss(nearest(first, self.queue.rows), of_second",
        "neighbour_loss(nearest(first, self.queue.rows), of_first",
        NNCLR,
    ),
    Mutation("Nnclr.forward", "            self._seen = first", "            self._seen = second", NNCLR),
    Mutation("sup_con", "& (labels >= 0)", "& (labels >= -1)", SUPCON),
    Mutation("sup_con", " | (own.unsqueeze(1) == sample)", "", SUPCON),
    Mutation("sup_con", "log_p = logits.log_softmax(dim=1)", "log_p = logits", SUPCON),
    Mutation("sup_con", "alike.repeat(2, 2) & (logits > -torch.inf)", "alike.repeat(2, 2)", SUPCON),
    Mutation(
        "sup_con",
        ".sum(dim=1) / positive.sum(dim=1)\n        return -each.mean()",
        ".sum(dim=1)\n        return -each.sum() / positive.sum()",
        SUPCON,
    ),
    Mutation("Supcon.forward", "else batch.targets\n", "else torch.full_like(batch.index, -1)\n", SUPCON),
    Mutation("byol.regression", "unit(target.detach())", "unit(target)", BYOL),
    Mutation("Byol.forward", "regression(first, second_target)", "regression(first, first_target)", BYOL),
    Mutation("byol.regression", "return 2 - 2 *", "return 2 + 2 *", BYOL),
    Mutation("Byol.forward", " + regression(second, first_target)", "", BYOL),
    Mutation(
        "Byol.after_step",
        "rising(self.config.momentum, progress)",
        "rising(self.config.momentum, 1 - progress)",
        BYOL,
    ),
    Mutation("negative_cosine", "unit(target.detach())", "unit(target)", SIMSIAM),
    Mutation("negative_cosine", "return -(unit", "return (unit", SIMSIAM),
    Mutation(
        "Simsiam.forward", "negative_cosine(of_first, second)", "negative_cosine(of_first, first)", SIMSIAM
    ),
    Mutation(
        "cross_correlation",
        "/ samples\n        first, second",
        "/ (samples - 1)\n        first, second",
        BARLOW,
    ),
    Mutation("cross_correlation", "first.T @ second", "first.T @ first", BARLOW),
    Mutation(
        "barlow_twins",
        "correlation.square().sum() - diagonal.square().sum()",
        "correlation.square().sum()",
        BARLOW,
    ),
    Mutation(
        "cross_correlation", "both - all_reduce_sum(both.sum(dim=1, keepdim=True)) / samples", "both", BARLOW
    ),
    Mutation("vicreg_terms", "/ (samples - 1)  #", "/ samples  #", VICREG),
    Mutation(
        "vicreg_terms", "torch.relu(1 - torch.sqrt(variances + 1e-4))", "torch.relu(1 - variances)", VICREG
    ),
    Mutation("vicreg_terms", "variances.square().sum()) / a.shape[1]", "variances.square().sum())", VICREG),
    Mutation("vicreg_terms", "both[0] - both[1]", "both[0] + both[1]", VICREG),
    Mutation("koleo.koleo", ".scatter(1, own.unsqueeze(1), -torch.inf)", "", KOLEO),
    Mutation("koleo.koleo", "return -0.5", "return 0.5", KOLEO),
    Mutation("koleo.koleo", "here - everywhere[cosines", "here - everywhere.detach()[cosines", KOLEO),
    Mutation("koleo.koleo", "squared.clamp_min(LEAST**2)", "(squared.sqrt() + 1e-8).square()", KOLEO),
    Mutation("dino.targets", "at_least_float32(scores.detach())", "at_least_float32(scores)", DINO),
    Mutation("dino.targets", "detach()) - centre)", "detach()))", DINO),
    Mutation("DinoHead.forward", "@ unit(last).T", "@ last.T", DINO),
    Mutation("Dino.after_step", "1 - self.config.centre)", "self.config.centre)", DINO),
    Mutation("DinoHead.forward", "torch.where(frozen, self.last.detach(), self.last)", "self.last", DINO),
    Mutation("Dino.exported", "return cast(Encoder, self.teacher[0])", "return encoder", DINO),
    Mutation("Dino.forward", "temperature=config.temperature)", "temperature=temperature)", DINO),
    Mutation("DinoHead.__init__", "layers=3, norm=norm", "layers=3, norm=not norm", DINO),
    Mutation(
        "Dino.figures",
        "math.log(self.config.outputs) - entropy",
        "entropy - math.log(self.config.outputs)",
        DINO,
    ),
    Mutation("Dino.with_koleo", "koleo(f) for f in features[:2]", "koleo(f) for f in features", DINO),
    Mutation("Dino.after_step", "rising(self.config.momentum, progress)", "self.config.momentum", DINO),
]
