"""Deliberate errors in the task anomaly: scorer, head, intervals, model, stages, gate."""

from tests.mutations.base import Mutation, mirrored


def of(file: str, old: str, new: str, *tests: str) -> Mutation:
    return Mutation(f"{file}.py", old, new, tests or (mirrored(f"{file}.py"),))


ANOMALY = "components/evaluation/anomaly"
MODEL = "components/registry/anomaly_model"
TUNED, MEASURED = "pipelines/stages/finetune/anomaly", "pipelines/stages/evaluate/anomaly"
CHECKS = "pipelines/registry/anomaly_checks"

MUTATIONS = [
    # ranks, detectors
    of(f"{ANOMALY}/combine", "excess / (1 + excess)", "0 * excess"),
    of(f"{ANOMALY}/combine", "/ (count + 1)", "/ count"),
    of(f"{ANOMALY}/detectors", "inside &= ~anomaly", "inside &= anomaly"),
    of(f"{ANOMALY}/detectors", "**_fitted(points[inside], seed + 1)", "**_fitted(points, seed + 1)"),
    of(f"{ANOMALY}/detectors", "and np.ptp(points[inside], axis=0).any()", ""),
    of(f"{ANOMALY}/detectors", "np.quantile(first, 1 - TRIMMED)", "np.quantile(first, TRIMMED)"),
    # head
    of(f"{ANOMALY}/head", "(below + upto) / 2 + 0.5", "(below + upto) / 2"),
    of(f"{ANOMALY}/head", "likely - likely.max()", "0 * likely"),
    of(f"{ANOMALY}/head", "labelled[of[0] != number], others[of[1] != number]", "labelled, others"),
    of(f"{ANOMALY}/head", "0.5 / len(labelled), 0.5 / len(others)", "0.5 / len(others), 0.5 / len(others)"),
    of(f"{ANOMALY}/head", "found.weight[1] - found.weight[0]", "found.weight[0] - found.weight[1]"),
    # scorer
    of(f"{ANOMALY}/scorer", "return Scored(ranks(self.mean, mean), each)", "return Scored(mean, each)"),
    of(f"{ANOMALY}/scorer", "ranks(self.ordered, mixed)", "ranks(self.mean, mixed)"),
    of(f"{ANOMALY}/scorer", "x[~out] for kind", "x[out] for kind"),
    of(f"{ANOMALY}/scorer", "if anomaly.sum() < FEWEST:", "if anomaly.sum() <= FEWEST:"),
    of(f"{ANOMALY}/scorer", "np.argsort(~anomaly[order], kind=", "np.argsort(0 * order, kind="),
    of(f"{ANOMALY}/scorer", "anomaly[~out], seed)", "anomaly[out], seed)"),
    # stored
    of(
        f"{ANOMALY}/stored", 'if f"ranks/{name}" in arrays', 'if f"ranks/{name}" in arrays and name[0] != "e"'
    ),
    # intervals
    of(f"{ANOMALY}/intervals", "np.cumsum(times)[last]", "(last + 1)"),
    of(f"{ANOMALY}/intervals", 'drawn["model"] - drawn[name]', 'drawn["model"]'),
    of(f"{ANOMALY}/intervals", "for group in (odd, rest):", "for group in (odd,):"),
    # encoder, task
    of(
        "components/encoders/raw_rows",
        "torch.where(gone, self.grid[:, self.grid.shape[1] // 2], numbers)",
        "numbers",
    ),
    of("components/encoders/raw_rows", "gone.to(x.dtype), *hot", "(~gone).to(x.dtype), *hot"),
    of(
        "components/tasks/anomaly",
        "dict.fromkeys(self.config.normal, 0)",
        "dict.fromkeys(self.config.normal, 1)",
    ),
    of("components/tasks/anomaly", "if label not in number}", "if label in number}"),
    of("components/tasks/anomaly", "odd = (min(labels", "odd = (max(labels"),
    # model
    of(MODEL, "np.asarray(scores) > limit", "np.asarray(scores) < limit"),
    of(MODEL, "each[:, of == place].max(axis=1)", "each[:, of == place].sum(axis=1)"),
    of(MODEL, "values[place] > least", "values[place] > 0"),
    of(MODEL, 'found["ranks"].argmax(axis=1)', '(-found["ranks"]).argmax(axis=1)'),
    of(MODEL, "if len(ours) != len(theirs) or None in ours:", "if len(ours) != len(theirs):"),
    # stages
    of(TUNED, "((normal, True), (~anomaly, False))", "((~anomaly, False), (normal, True))"),
    of(TUNED, "np.argsort(table.label[order] < 0", "np.argsort(table.label[order] >= 0"),
    of(TUNED, 'wanted or ("plain" if plain.columns else "both")', 'wanted or "both"'),
    of(TUNED, "if (~anomaly).sum() < FEWEST:", "if len(anomaly) < FEWEST:"),
    of(MEASURED, "np.flatnonzero(table.label[rows] < 0)", "np.arange(len(rows))"),
    of(MEASURED, "np.lexsort((rows[free], -scores[free]))", "np.lexsort((rows[free], scores[free]))"),
    of(MEASURED, "float(alarm[anomaly].mean())", "float(alarm.mean())"),
    of(MEASURED, "if min(odd, usual) >= FEWEST:", "if max(odd, usual) >= 0:"),
    of(
        "pipelines/stages/report/to_label",
        'if row["split"] == "train"',
        "if True",
        "tests/pipelines/stages/report/test_anomaly.py",
    ),
    of("pipelines/stages/monitor/anomaly", "minlength=len(EDGES) + 1", "minlength=0"),
    # gate
    of(CHECKS, 'at_most("alarms"', 'at_least("alarms"'),
    of(CHECKS, 'metrics.get("average_precision_low")', 'metrics.get("average_precision")'),
    of(CHECKS, "DEVIATIONS * float(", "0 * float("),
    of(CHECKS, "lambda f: f > bound)", "lambda f: f >= bound)"),
    of(CHECKS, 'over["champion"].low, bound', 'over["champion"].value + 1, bound'),
    of(CHECKS, 'not champion.output.get("metrics")', 'champion.output.get("metrics") is None'),
]
