"""Deliberate errors in what reads, learns, judges and serves labels that are numbers."""

from tests.mutations.base import Mutation, mirrored

TASK = "components/tasks/regression.py"
METRICS = "components/evaluation/regression/metrics.py"
RIDGE = "components/evaluation/regression/ridge.py"
NEAREST = "components/evaluation/regression/nearest.py"
STACKING = "components/evaluation/regression/stacking.py"
CONFORMAL = "components/evaluation/regression/conformal.py"
METHODS = "components/semisupervised/regression.py"
SERVED = "components/registry/regressor.py"
MEAN = "components/encoders/nearest_mean.py"
BOOSTING = "components/modalities/table/boosting.py"
CHECKS = "pipelines/registry/regression_checks.py"
STAGE = "pipelines/stages/finetune/regression/stage.py"
PORTFOLIO = "pipelines/stages/finetune/regression/portfolio.py"
DATA = "pipelines/stages/finetune/regression/data.py"
EVALUATE = "pipelines/stages/evaluate/regression.py"
SCORE = "pipelines/stages/score/regression.py"
WATCH = "pipelines/stages/monitor/regression.py"
TUNED = ("tests/pipelines/stages/finetune/regression/test_stage.py",)
SNAPSHOT = ("tests/pipelines/stages/snapshot/test_stage.py", "-k", "number or later")
RECIPE = ("tests/pipelines/test_recipe.py", "-k", "task")
MODEL = ("tests/components/registry/test_regressor.py", "-k", "told_from_its_files")
PLAN = ("tests/pipelines/stages/plan/test_changes.py",)


def of(file: str, old: str, new: str) -> Mutation:
    return Mutation(file, old, new, (mirrored(file),))


MUTATIONS = [
    of(TASK, "self.config.decimal or style or likelier", "self.config.decimal or likelier"),
    of(TASK, "if text.strip() not in MISSING", "if True"),
    of(TASK, "if said and not known:", "if False:"),
    of(TASK, "enough and not counted", "enough"),
    of(METRICS, "np.where(around > 0, 1 - error / around,", "np.where(around > 0, error / around,"),
    of(
        METRICS,
        "r2(truth[rows], first[rows]) - r2(truth[rows], second[rows])",
        "r2(truth[rows], first[rows]) - r2(truth, second)",
    ),
    of(METRICS, "error = predicted[rows] - truth[rows]", "error = truth[rows] - predicted[rows]"),
    of(RIDGE, "(u**2) @ shrunk + 1 / len(targets)", "(u**2) @ shrunk"),
    of(RIDGE, "middle * scale + shift", "middle * scale"),
    of(NEAREST, "np.fill_diagonal(apart, np.inf)", "pass"),
    of(STACKING, "- strength * prior / weight", "- strength / weight"),
    of(STACKING, "/ variance, held @ targets", ", held @ targets"),
    of(CONFORMAL, "bound(np.abs(residuals), miss)", "bound(residuals, miss)"),
    of(METHODS, "[:labelled], shown]", ", shown]"),
    of(METHODS, "self.options.weight * ramp * consistency", "self.options.weight * consistency"),
    of(METHODS, "min(1 - 1 / (int(self.updates) + 1), self.options.momentum)", "self.options.momentum"),
    of(METHODS, "if not self.updates:", "if False:"),
    of(METHODS, "if name in METHODS and name not in NUMBER_METHODS:", "if False:"),
    of(SERVED, "self.config.mean + self.config.scale * standard", "self.config.scale * standard"),
    of(SERVED, "abs(a - b) / self.config.scale", "abs(a - b)"),
    of(
        SERVED,
        "(centre - width).tolist(), (centre + width)",
        "(centre - width).tolist(), (centre + 2 * width)",
    ),
    of(MEAN, "largest=False", "largest=True"),
    of(
        BOOSTING,
        "best = Boosting(learning_rate=RATE, min_samples_leaf=leaf, max_iter=count",
        "best = Boosting(learning_rate=RATE, min_samples_leaf=leaf, max_iter=25",
    ),
    of(CHECKS, "promised - bounds.coverage", "0.0"),
    of(
        CHECKS,
        'metrics.get("margin_low"), -bounds.tolerance',
        'metrics.get("margin_high"), -bounds.tolerance',
    ),
    of(CHECKS, "if item in ours else truth.mean()", "if item in ours else theirs[item][1]"),
    of(CHECKS, "sorted(ours.keys() & theirs.keys())", "sorted(ours.keys())"),
    of(
        STAGE,
        "use, out = np.flatnonzero(of != number), material.labelled[of == number]",
        "use, out = np.arange(len(of)), material.labelled[of == number]",
    ),
    of(
        STAGE,
        "half_width(chosen.residuals * material.scale, request.miss)",
        "half_width(chosen.residuals, request.miss)",
    ),
    of(STAGE, 'plain = described.model_copy(update={"width": None})', "plain = described"),
    Mutation(PORTFOLIO, "network.head.weight.to(device) * w", "network.head.weight.to(device)", TUNED),
    Mutation(PORTFOLIO, "if weight[best] >= config.lead:", "if False:", TUNED),
    of(DATA, "rng.permutation(folds)[: len(rows)]", "0"),
    Mutation(DATA, "if values.max() == values.min():", "if False:", TUNED),
    of(EVALUATE, "outside = [name for name in present if name not in made_of]", "outside = present"),
    of(
        EVALUATE,
        'inside = np.abs(said["model"] - truth) <= half',
        'inside = np.abs(said["model"] - truth) > half',
    ),
    of(EVALUATE, "mean + scale * values for name", "values for name"),
    of(SCORE, "predicted - self.width, pa", "predicted, pa"),
    of(WATCH, "np.clip(p, *self.span)", "p"),
    Mutation(
        "pipelines/stages/snapshot/stage.py", 'style=context.observed.get("style", "")', 'style=""', SNAPSHOT
    ),
    Mutation("pipelines/stages/snapshot/stage.py", "task=build_task(request.task)", "task=CLASSES", SNAPSHOT),
    Mutation("pipelines/recipe.py", "if self.task != USUAL.model_dump():", "if True:", RECIPE),
    Mutation(
        "components/registry/served.py", "task = task_name(described)", 'task = "classification"', MODEL
    ),
    Mutation("pipelines/stages/plan/changes.py", "if self.table.target is not None:", "if False:", PLAN),
]
