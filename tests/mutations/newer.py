"""Deliberate errors in the objectives of 2022 and later, and in Poisson learning."""

from tests.mutations.base import Mutation

OBJECTIVES, PARTS = "components/objectives/", "components/objectives/parts/"
TESTS = "tests/components/objectives/"
LEJEPA, IJEPA = (f"{TESTS}test_lejepa.py",), (f"{TESTS}test_ijepa.py",)
CAPI, DISTILLATION = (f"{TESTS}test_capi.py",), (f"{TESTS}test_distillation.py",)
SIGREG, BLOCKS = (f"{TESTS}parts/test_sigreg.py",), (f"{TESTS}parts/test_blocks.py",)
FLOW = ("tests/components/clustering/test_poisson.py",)
STAGE = ("tests/pipelines/stages/pseudo_label/test_stage.py", "-k", "flow")
CHOOSE = ("tests/components/training/test_choose.py",)
TRIAL = ("tests/pipelines/onboarding/test_choose.py", "-m", "not slow", "-k", "lejepa or figure or records")

MUTATIONS = [
    Mutation(PARTS + "sigreg.py", "weights[0] / 2, weights[-1] / 2", "weights[0], weights[-1]", SIGREG),
    Mutation(PARTS + "sigreg.py", "found: Tensor = samples * (", "found: Tensor = (", SIGREG),
    Mutation(PARTS + "sigreg.py", " + imaginary.square()", "", SIGREG),
    Mutation(PARTS + "sigreg.py", "normal = (-t.square() / 2).exp()", "normal = (-t.square()).exp()", SIGREG),
    Mutation(
        PARTS + "sigreg.py",
        "F.normalize(chance.normal(rows, count), dim=0)",
        "chance.normal(rows, count)",
        SIGREG,
    ),
    Mutation(OBJECTIVES + "lejepa.py", "views[:GLOBAL].mean(dim=0)", "views.mean(dim=0)", LEJEPA),
    Mutation(
        OBJECTIVES + "lejepa.py", "views[:GLOBAL].mean(dim=0)", "views[:GLOBAL].mean(dim=0).detach()", LEJEPA
    ),
    Mutation(
        OBJECTIVES + "lejepa.py",
        "(1 - weight) * prediction + weight *",
        "weight * prediction + (1 - weight) *",
        LEJEPA,
    ),
    Mutation(
        OBJECTIVES + "lejepa.py",
        ".unflatten(0, (len(batch.views), -1))",
        ".unflatten(0, (-1, len(batch.views))).mT",
        LEJEPA,
    ),
    Mutation(PARTS + "blocks.py", "math.sqrt(area * aspect)", "math.sqrt(area / aspect) + 0", BLOCKS),
    Mutation(
        PARTS + "blocks.py",
        "while blocks * rows * columns >= patches",
        "while blocks * rows * columns > patches",
        BLOCKS,
    ),
    Mutation(PARTS + "blocks.py", "grid[1] - columns + 1]", "grid[1] - columns]", BLOCKS),
    Mutation(PARTS + "blocks.py", "(numbers + taken)", "numbers", BLOCKS),
    Mutation(PARTS + "blocks.py", "[:, :left].sort(dim=1).values", "[:, :left]", BLOCKS),
    Mutation(
        OBJECTIVES + "ijepa.py",
        "tokens(x, kept=kept), kept, wanted",
        "tokens(x).gather(1, kept.unsqueeze(2).expand(-1, -1, student.token_dim)), kept, wanted",
        IJEPA,
    ),
    Mutation(OBJECTIVES + "ijepa.py", "F.layer_norm(told, told.shape[-1:])", "told", IJEPA),
    Mutation(OBJECTIVES + "ijepa.py", "token_encoder(self.teacher, ", "token_encoder(encoder, ", IJEPA),
    Mutation(
        OBJECTIVES + "ijepa.py", " + where[wanted.flatten(0, 1)]", " + 0 * where[wanted.flatten(0, 1)]", IJEPA
    ),
    Mutation(OBJECTIVES + "ijepa.py", "(known + where[kept])", "known", IJEPA),
    Mutation(
        OBJECTIVES + "ijepa.py", "rising(self.config.momentum, progress)", "self.config.momentum", IJEPA
    ),
    Mutation(OBJECTIVES + "ijepa.py", "return self.teacher", "return encoder", IJEPA),
    Mutation(OBJECTIVES + "ijepa.py", "index.new_zeros(1)", "index[:1]", IJEPA),
    Mutation(
        OBJECTIVES + "capi.py",
        "return sinkhorn(scores.detach().transpose(0, 1), epsilon=epsilon, iterations=iterations).transpose(0, 1)",
        "return sinkhorn(scores.detach().flatten(0, 1), epsilon=epsilon, iterations=iterations).view_as(scores)",
        CAPI,
    ),
    Mutation(OBJECTIVES + "capi.py", "self.layer(unit(tokens)", "self.layer((tokens)", CAPI),
    Mutation(
        OBJECTIVES + "capi.py",
        "(at_least_float32(scores) / temperature)",
        "(at_least_float32(scores) * temperature)",
        CAPI,
    ),
    Mutation(
        OBJECTIVES + "capi.py",
        "return ~largest(priorities(fine, coarse, block), 1 - self.config.hidden)",
        "return largest(priorities(fine, coarse, block), self.config.hidden)",
        CAPI,
    ),
    Mutation(
        OBJECTIVES + "capi.py",
        "asked = targets[hidden]",
        "asked = targets[~hidden][: hidden.sum()].repeat(2, 1)[: hidden.sum()]",
        CAPI,
    ),
    Mutation(
        OBJECTIVES + "capi.py", "known = self.enter(seen) + where[kept]", "known = self.enter(seen)", CAPI
    ),
    Mutation(OBJECTIVES + "capi.py", "@ unit(self.directions).T", "@ self.directions.T", CAPI),
    Mutation(
        OBJECTIVES + "capi.py", "x = block(x, known)", "x = block(x, torch.cat([known, x], dim=1))", CAPI
    ),
    Mutation(
        OBJECTIVES + "capi.py",
        "return Losses(prediction + clustering, parts)",
        "return Losses(prediction, parts)",
        CAPI,
    ),
    Mutation(OBJECTIVES + "capi.py", "prediction.detach() - entropy", "prediction.detach()", CAPI),
    Mutation(
        OBJECTIVES + "distillation.py",
        "        self.teacher.eval()\n        return self",
        "        return self",
        DISTILLATION,
    ),
    Mutation(OBJECTIVES + "distillation.py", "F.layer_norm(wide, wide.shape[-1:])", "wide", DISTILLATION),
    Mutation(
        OBJECTIVES + "distillation.py", "told[::-1] if self.config.crossed else told", "told", DISTILLATION
    ),
    Mutation(OBJECTIVES + "distillation.py", "return 1 - (unit", "return 1 + (unit", DISTILLATION),
    Mutation(
        OBJECTIVES + "distillation.py", "return freeze(teacher).eval()", "return teacher.eval()", DISTILLATION
    ),
    Mutation(
        OBJECTIVES + "distillation.py",
        "[self._enlarged(view) for view in batch.views]",
        "batch.views",
        DISTILLATION,
    ),
    Mutation(
        OBJECTIVES + "distillation.py",
        "        check_start(teacher, start)\n",
        "",
        ("tests/pipelines/flows/test_build_check.py", "-k", "teacher"),
    ),
    Mutation(
        "components/clustering/poisson.py",
        "source[rows] -= shares[component[rows]]",
        "source[rows] -= shares.mean(axis=0)",
        FLOW,
    ),
    Mutation("components/clustering/poisson.py", "root[:, None] * of.source", "of.source", FLOW),
    Mutation("components/clustering/poisson.py", "u = root[:, None] * found", "u = found", FLOW),
    Mutation("components/clustering/poisson.py", "of.degree * column, groups", "column, groups", FLOW),
    Mutation(
        "components/clustering/poisson.py",
        "np.where(held | ~reached[:, None],",
        "np.where(np.ones_like(held),",
        FLOW,
    ),
    Mutation(
        "components/clustering/poisson.py", "mass = stays * mass + step *", "mass = mass + step *", FLOW
    ),
    Mutation(
        "components/clustering/poisson.py",
        "source, stays = mbo.source * step *",
        "source, stays = step *",
        FLOW,
    ),
    Mutation(
        "components/clustering/poisson.py",
        "        mass = np.eye(classes)[chosen]\n        for",
        "        for",
        FLOW,
    ),
    Mutation(
        "components/clustering/poisson.py",
        "np.where(reached[:, None], np.clip(mass, 0, None), 1 / classes)",
        "np.clip(mass, 0, None)",
        FLOW,
    ),
    Mutation(
        "components/clustering/poisson.py",
        "direction = residual + size /",
        "direction = residual - size /",
        FLOW,
    ),
    Mutation(
        "pipelines/stages/pseudo_label/propagation.py",
        "by(weights, rows, labels, classes, prior=prior)",
        "by(weights, rows, labels, classes)",
        STAGE,
    ),
    Mutation(
        "pipelines/stages/pseudo_label/propagation.py",
        '"poisson_mbo": poisson_mbo}',
        '"poisson_mbo": poisson}',
        STAGE,
    ),
    Mutation("components/training/choose.py", "losses = [-o.lejepa", "losses = [o.lejepa", CHOOSE),
    Mutation(
        "components/training/trial.py", "centred = wide - wide.mean(dim=(0, 1))", "centred = wide", TRIAL
    ),
    Mutation("components/training/trial.py", "    encoder.eval()\n    found", "    found", TRIAL),
    Mutation(
        "pipelines/onboarding/ray_tune.py", 'lejepa=early.get("lejepa")', 'lejepa=last.get("lejepa")', TRIAL
    ),
]
