"""Deliberate errors in the newest objectives, in Poisson learning and in LeJEPA's figure of `selfsup choose`."""

from tests.mutations.base import Mutation

RAY = ("tests/pipelines/onboarding/test_choose.py", "-m", "not slow", "-k", "lejepa or figure or records")
CHECK = ("tests/pipelines/flows/test_build_check.py", "-k", "teacher")
DISTILLED = ("tests/components/objectives/test_distillation.py",)

MUTATIONS = [
    Mutation("epps_pulley", "weights[0] / 2, weights[-1] / 2", "weights[0], weights[-1]"),
    Mutation("epps_pulley", "found: Tensor = samples * (", "found: Tensor = ("),
    Mutation("epps_pulley", " + imaginary.square()", ""),
    Mutation("epps_pulley", "(-t.square() / 2).exp()", "(-t.square()).exp()"),
    Mutation("directions", "F.normalize(chance.normal(rows, count), dim=0)", "chance.normal(rows, count)"),
    Mutation("prediction_error", "views[:GLOBAL].mean(dim=0)", "views.mean(dim=0)"),
    Mutation("prediction_error", "views[:GLOBAL].mean(dim=0)", "views[:GLOBAL].mean(dim=0).detach()"),
    Mutation("lejepa_loss", "(1 - weight) * prediction + weight *", "weight * prediction + (1 - weight) *"),
    Mutation("Lejepa.forward", "(len(batch.views), -1))", "(-1, len(batch.views))).transpose(0, 1)"),
    Mutation("block_size", "math.sqrt(area * aspect)", "math.sqrt(area)"),
    Mutation("block_size", "columns >= patches", "columns > patches"),
    Mutation("rectangles.places", "grid[1] - columns + 1]", "grid[1] - columns]"),
    Mutation("rectangles.context", "(numbers + taken)", "numbers"),
    Mutation("rectangles.context", "[:, :left].sort(dim=1).values", "[:, :left]"),
    Mutation(
        "Ijepa.forward", "student.tokens(x, kept=kept), kept", "student.tokens(x)[:, : kept.shape[1]], kept"
    ),
    Mutation("Ijepa.forward", "F.layer_norm(told, told.shape[-1:])", "told"),
    Mutation("Ijepa.forward", "token_encoder(self.teacher, ", "token_encoder(encoder, "),
    Mutation(
        "ijepa.Predictor.forward", " + where[wanted.flatten(0, 1)]", " + 0 * where[wanted.flatten(0, 1)]"
    ),
    Mutation("ijepa.Predictor.forward", "(known + where[kept])", "known"),
    Mutation("Ijepa.after_step", "rising(self.config.momentum, progress)", "self.config.momentum"),
    Mutation("Ijepa.exported", "return self.teacher", "return encoder"),
    Mutation("Ijepa.cut", "index.new_zeros(1)", "index[:1]"),
    Mutation("capi.assigned", "scores.transpose(0, 1)", "scores.flip(0).transpose(0, 1)"),
    Mutation(
        "capi.assigned",
        "sinkhorn(scores.transpose(0, 1), epsilon=epsilon, iterations=iterations).transpose(0, 1)",
        "sinkhorn(scores, epsilon=epsilon, iterations=iterations)",
    ),
    Mutation("capi.cross_entropy", "scores) / temperature", "scores) * temperature"),
    Mutation("capi.Clusters.forward", "self.layer(unit(tokens)", "self.layer((tokens)"),
    Mutation("Capi.forward", "targets[hidden]", "targets[hidden.flip(1)]"),
    Mutation("Capi.forward", "Losses(prediction + clustering, parts)", "Losses(prediction, parts)"),
    Mutation("Capi.forward", "prediction.detach() - entropy", "prediction.detach()"),
    Mutation("capi.Predictor.forward", "self.enter(seen) + where[kept]", "self.enter(seen)"),
    Mutation("capi.Predictor.forward", "@ unit(self.directions).T", "@ self.directions.T"),
    Mutation("capi.Predictor.forward", "block(x, known)", "block(x, torch.cat([known, x], dim=1))"),
    Mutation("CrossBlock.forward", "self.norm_seen(seen)", "seen"),
    Mutation("objectives.distillation.Distillation.train", "        self.teacher.eval()\n", "", DISTILLED),
    Mutation(
        "objectives.distillation.smooth_l1_loss", "F.layer_norm(wide, wide.shape[-1:])", "wide", DISTILLED
    ),
    Mutation(
        "objectives.distillation.Distillation.forward",
        "told[::-1] if self.config.crossed else told",
        "told",
        DISTILLED,
    ),
    Mutation(
        "objectives.distillation.Distillation.forward",
        "[self._enlarged(view) for view in batch.views]",
        "batch.views",
        DISTILLED,
    ),
    Mutation("objectives.distillation.cosine_loss", "1 - (unit", "1 + (unit", DISTILLED),
    Mutation("objectives.distillation._finished", "freeze(teacher).eval()", "teacher.eval()", DISTILLED),
    Mutation("objectives.distillation._finished", "        check_start(teacher, start)\n", "", CHECK),
    Mutation(
        "poisson.flow", "source[rows] -= shares[component[rows]]", "source[rows] -= shares.mean(axis=0)"
    ),
    Mutation("poisson.potentials", "root[:, None] * of.source", "of.source"),
    Mutation("poisson.potentials", "u = root[:, None] * found", "u = found"),
    Mutation("poisson.potentials", "of.degree * column, groups", "column, groups"),
    Mutation("poisson._probable", "held | ~reached[:, None]", "np.ones_like(held)"),
    Mutation("poisson_mbo", "stays * mass + step *", "mass + step *"),
    Mutation("poisson_mbo", "mbo.source * step *", "step *"),
    Mutation("poisson_mbo", "mass = np.eye(classes)[chosen]", "mass = np.array(mass)"),
    Mutation(
        "poisson_mbo",
        "np.where(reached[:, None], np.clip(mass, 0, None), 1 / classes)",
        "np.clip(mass, 0, None)",
    ),
    Mutation("conjugate_gradient", "direction = residual + size", "direction = residual - size"),
    Mutation(
        "propagation._namer",
        "by(weights, rows, labels, classes, prior=prior)",
        "by(weights, rows, labels, classes)",
    ),
    Mutation("propagation._namer", '"poisson_mbo": poisson_mbo}', '"poisson_mbo": poisson}'),
    Mutation("training.choose.ranked", "[-o.lejepa", "[o.lejepa"),
    Mutation("lejepa_figure", "wide - wide.mean(dim=(0, 1))", "wide", RAY),
    Mutation("lejepa_of", "    encoder.eval()\n", "", RAY),
    Mutation("ray_tune.outcome", 'early.get("lejepa")', 'last.get("lejepa")', RAY),
]
