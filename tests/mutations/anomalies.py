"""Deliberate errors in the task anomaly: scorer, head, intervals, model, stages, gate."""

from tests.mutations.base import Mutation

EVALUATE = ("tests/pipelines/stages/evaluate/test_anomaly.py",)
ANOMALY = ("tests/pipelines/stages/report/test_anomaly.py",)

MUTATIONS = [
    # ranks, detectors
    Mutation("combine.ranks", "excess / (1 + excess)", "0 * excess"),
    Mutation("combine.ranks", "/ (count + 1)", "/ count"),
    Mutation("fit_detectors", "inside &= ~anomaly", "inside &= anomaly"),
    Mutation("fit_detectors", "**_fitted(points[inside], seed + 1)", "**_fitted(points, seed + 1)"),
    Mutation("fit_detectors", "and np.ptp(points[inside], axis=0).any()", ""),
    Mutation("fit_detectors", "np.quantile(first, 1 - TRIMMED)", "np.quantile(first, TRIMMED)"),
    # head
    Mutation("head.normal_scores", "(below + upto) / 2 + 0.5", "(below + upto) / 2"),
    Mutation("anomaly.head.fit_head", "likely - likely.max()", "0 * likely"),
    Mutation("_likely", "labelled[of[0] != number], others[of[1] != number]", "labelled, others"),
    Mutation("head._fit", "0.5 / len(labelled), 0.5 / len(others)", "0.5 / len(others), 0.5 / len(others)"),
    Mutation("head._fit", "found.weight[1] - found.weight[0]", "found.weight[0] - found.weight[1]"),
    # scorer
    Mutation("Scorer.scored", "return Scored(ranks(self.mean, mean), each)", "return Scored(mean, each)"),
    Mutation("Scorer.scored", "ranks(self.ordered, mixed)", "ranks(self.mean, mixed)"),
    Mutation("scorer.held_out", "x[~out] for kind", "x[out] for kind"),
    Mutation("fit_scorer", "if anomaly.sum() < FEWEST:", "if anomaly.sum() <= FEWEST:"),
    Mutation("scorer._folds", "np.argsort(~anomaly[order], kind=", "np.argsort(0 * order, kind="),
    Mutation("scorer.held_out", "anomaly[~out], seed)", "anomaly[out], seed)"),
    # stored
    Mutation("_detectors", 'if f"ranks/{name}" in arrays', 'if f"ranks/{name}" in arrays and name[0] != "e"'),
    # intervals
    Mutation("weighted_precision", "np.cumsum(times)[last]", "(last + 1)"),
    Mutation("precision_intervals", 'drawn["model"] - drawn[name]', 'drawn["model"]'),
    Mutation("precision_intervals", "for group in (odd, rest):", "for group in (odd,):"),
    Mutation("intervals._wider", "min(given.low, low)", "given.low"),
    Mutation("intervals.wilson", "share + z**2 / (2 * trials)", "share"),
    Mutation("evaluate.anomaly.run", "len(every)))", "len(test)))"),
    Mutation("evaluate.anomaly._measured", "max(alarmed.sum(), 1e-12)", "budget"),
    Mutation("_alarmed_tile", "if count < FEW:", "if False:", ANOMALY),
    Mutation(
        "reads_features",
        'name.endswith(", features")',
        "False",
        ("tests/pipelines/registry/test_anomaly_checks.py",),
    ),
    Mutation(
        "recipe_template.suited",
        "1 if unused else rule.epochs",
        "rule.epochs",
        ("tests/pipelines/onboarding/test_init.py", "-k", "anomalies"),
    ),
    # encoder, task
    Mutation(
        "RawRows.forward", "torch.where(gone, self.grid[:, self.grid.shape[1] // 2], numbers)", "numbers"
    ),
    Mutation("RawRows.forward", "gone.to(x.dtype), *hot", "(~gone).to(x.dtype), *hot"),
    Mutation("raw_rows._rarity", "-(counts.clamp_min(1)", "(counts.clamp_min(1)"),
    Mutation("raw_rows._rarity", "counts.sum() + 1", "counts.sum()"),
    Mutation("evaluate.anomaly.baselines", "0 < encoder.raw_numbers < points.shape[1]", "False"),
    Mutation("TableViews.raw", '"categories": "shares"', '"categories": "one_hot"', EVALUATE),
    Mutation(
        "Anomaly.targets", "dict.fromkeys(self.config.normal, 0)", "dict.fromkeys(self.config.normal, 1)"
    ),
    Mutation("Anomaly.targets", "if label not in number}", "if label in number}"),
    Mutation("Anomaly.fitting", "odd = (min(labels", "odd = (max(labels"),
    # model
    Mutation("AnomalyModel.alarms", "np.asarray(scores) > limit", "np.asarray(scores) < limit"),
    Mutation("AnomalyModel._tails", "each[:, of == place].max(axis=1)", "each[:, of == place].sum(axis=1)"),
    Mutation("AnomalyModel.why", "values[place] > least", "values[place] > 0"),
    Mutation("AnomalyModel.columns", 'found["ranks"].argmax(axis=1)', '(-found["ranks"]).argmax(axis=1)'),
    Mutation(
        "AnomalyModel.disagreement",
        "if len(ours) != len(theirs) or None in ours:",
        "if len(ours) != len(theirs):",
    ),
    # stages
    Mutation("limit_of", "((normal, True), (~anomaly, False))", "((~anomaly, False), (normal, True))"),
    Mutation("anomaly._drawn", "np.argsort(table.label[order] < 0", "np.argsort(table.label[order] >= 0"),
    Mutation("encoders_of", 'wanted or ("plain" if plain.columns else "both")', 'wanted or "both"'),
    Mutation("finetune.anomaly.run", "if (~anomaly).sum() < FEWEST:", "if len(anomaly) < FEWEST:"),
    Mutation("evaluate.anomaly._review", "np.flatnonzero(table.label[rows] < 0)", "np.arange(len(rows))"),
    Mutation(
        "evaluate.anomaly._review",
        "np.lexsort((rows[free], -scores[free]))",
        "np.lexsort((rows[free], scores[free]))",
    ),
    Mutation("anomaly._measured", "float(alarm[anomaly].mean())", "float(alarm.mean())"),
    Mutation("_unmeasurable", "if min(odd, usual) >= FEWEST:", "if max(odd, usual) >= 0:"),
    Mutation("_to_review", 'if row["split"] == "train"', "if True", ANOMALY),
    Mutation("anomaly.Watch.counts", "minlength=len(EDGES) + 1", "minlength=0"),
    # gate
    Mutation("anomaly_checks.Checks.alone", 'at_most("alarms"', 'at_least("alarms"'),
    Mutation(
        "Checks._beyond_chance", 'metrics.get("average_precision_low")', 'metrics.get("average_precision")'
    ),
    Mutation("Checks._false_alarms", "DEVIATIONS * float(", "0 * float("),
    Mutation("Checks._beats_baselines", "lambda f: f > bound)", "lambda f: f >= bound)"),
    Mutation(
        "anomaly_checks.Checks.beside", 'over["champion"].low, bound', 'over["champion"].value + 1, bound'
    ),
    Mutation(
        "anomaly_checks.Checks.beside",
        'not champion.output.get("metrics")',
        'champion.output.get("metrics") is None',
    ),
]
