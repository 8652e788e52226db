"""Deliberate errors in what reads, learns, judges and serves labels that are numbers."""

from tests.mutations.base import Mutation

TUNED = ("tests/pipelines/stages/finetune/regression/test_stage.py",)
SNAPSHOT = ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "number or later")
RECIPE = ("tests/pipelines/test_recipe.py", "-k", "task")
MODEL = ("tests/components/registry/test_regressor.py", "-k", "told_from_its_files")

MUTATIONS = [
    Mutation(
        "Regression.targets", "self.config.decimal or style or likelier", "self.config.decimal or likelier"
    ),
    Mutation("Regression.targets", "if text.strip() not in MISSING", "if True"),
    Mutation("Regression.targets", "if said and not known:", "if False:"),
    Mutation("are_numbers", "enough and not counted", "enough"),
    Mutation(
        "metrics.r2", "np.where(around > 0, 1 - error / around,", "np.where(around > 0, error / around,"
    ),
    Mutation(
        "metrics.difference",
        "r2(truth[rows], first[rows]) - r2(truth[rows], second[rows])",
        "r2(truth[rows], first[rows]) - r2(truth, second)",
    ),
    Mutation("by_size", "error = predicted[rows] - truth[rows]", "error = truth[rows] - predicted[rows]"),
    Mutation("_at_best", "(u**2) @ shrunk + 1 / len(targets)", "(u**2) @ shrunk"),
    Mutation("_at_best", "middle * scale + shift", "middle * scale"),
    Mutation("nearest.choose_k", "np.fill_diagonal(apart, np.inf)", "pass"),
    Mutation("stacked_numbers", "- strength * prior / weight", "- strength / weight"),
    Mutation("stacked_numbers", "/ variance, held @ targets", ", held @ targets"),
    Mutation("half_width", "bound(np.abs(residuals), miss)", "bound(residuals, miss)"),
    Mutation("MeanteacherNumbers.forward", "[:labelled], shown]", ", shown]"),
    Mutation(
        "MeanteacherNumbers.forward",
        "self.options.weight * ramp * consistency",
        "self.options.weight * consistency",
    ),
    Mutation(
        "MeanteacherNumbers.after_step",
        "min(1 - 1 / (int(self.updates) + 1), self.options.momentum)",
        "self.options.momentum",
    ),
    Mutation("MeanteacherNumbers.forward", "if not self.updates:", "if False:"),
    Mutation("fits_numbers", "if name in METHODS and name not in NUMBER_METHODS:", "if False:"),
    Mutation(
        "Regressor.see", "self.config.mean + self.config.scale * standard", "self.config.scale * standard"
    ),
    Mutation("Regressor.disagreement", "abs(a - b) / self.config.scale", "abs(a - b)"),
    Mutation(
        "regressor.interval",
        "(centre - width).tolist(), (centre + width)",
        "(centre - width).tolist(), (centre + 2 * width)",
    ),
    Mutation("NearestMean.forward", "largest=False", "largest=True"),
    Mutation(
        "fit_boosting_regressor",
        "best = Boosting(learning_rate=RATE, min_samples_leaf=leaf, max_iter=count",
        "best = Boosting(learning_rate=RATE, min_samples_leaf=leaf, max_iter=25",
    ),
    Mutation("regression_checks.Checks.alone", "promised - bounds.coverage", "0.0"),
    Mutation(
        "regression_checks.Checks.alone",
        'metrics.get("margin_low"), -bounds.tolerance',
        'metrics.get("margin_high"), -bounds.tolerance',
    ),
    Mutation(
        "regression_checks.forgetting",
        "if item in ours else truth.mean()",
        "if item in ours else theirs[item][1]",
    ),
    Mutation("common", "sorted(ours.keys() & theirs.keys())", "sorted(ours.keys())"),
    Mutation(
        "cross_fitted.fold",
        "use, out = np.flatnonzero(of != number), material.labelled[of == number]",
        "use, out = np.arange(len(of)), material.labelled[of == number]",
    ),
    Mutation(
        "stage.save_all",
        "half_width(chosen.residuals * material.scale, request.miss)",
        "half_width(chosen.residuals, request.miss)",
    ),
    Mutation("stage.save_all", 'plain = described.model_copy(update={"width": None})', "plain = described"),
    Mutation(
        "regression.portfolio.joined",
        "network.head.weight.to(device) * w",
        "network.head.weight.to(device)",
        TUNED,
    ),
    Mutation("regression.portfolio.weigh", "if weight[best] >= config.lead:", "if False:", TUNED),
    Mutation("data.folds_of", "rng.permutation(folds)[: len(rows)]", "0"),
    Mutation("lacking", "if values.max() == values.min():", "if False:", TUNED),
    Mutation(
        "figures_of", "outside = [name for name in present if name not in made_of]", "outside = present"
    ),
    Mutation(
        "regression.run",
        'inside = np.abs(said["model"] - truth) <= half',
        'inside = np.abs(said["model"] - truth) > half',
    ),
    Mutation("regression.simple_models", "mean + scale * values for name", "values for name"),
    Mutation("regression.Reading.columns", "predicted - self.width, pa", "predicted, pa"),
    Mutation("regression.Watch.histogram", "np.clip(p, *self.span)", "p"),
    Mutation("snapshot.stage.run", 'style=context.observed.get("style", "")', 'style=""', SNAPSHOT),
    Mutation("snapshot.stage.run", "task=task, style", "task=build_task(USUAL), style", SNAPSHOT),
    Mutation("Recipe._own", "if self.task != USUAL.model_dump():", "if True:", RECIPE),
    Mutation("served.model_of", "task = task_name(described)", 'task = "classification"', MODEL),
    Mutation("Seen.labels", "if self.table.target is not None:", "if False:"),
]
