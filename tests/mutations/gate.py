"""Deliberate errors in the gate's intervals, in which labels are named, and in training noise."""

from tests.mutations.base import Mutation

RANKING = ("tests/pipelines/registry/test_ranking_checks.py",)
VERDICT = ("tests/pipelines/registry/test_gate_checks.py",)
STAGE = (
    "tests/pipelines/stages/evaluate/test_classification.py",
    "-k",
    "widened or noisier or part_of or shows_nothing",
)

MUTATIONS = [
    Mutation(
        "TaskChecks.both",
        "_recorded(champion, reference,",
        "_recorded(self.evaluated, self.reference,",
        VERDICT,
    ),
    Mutation("task_checks._recorded", 'evaluated.output.get("predictions") is None', "False", RANKING),
    Mutation(
        "task_checks._recorded", "zip(first, *others, strict=True) if others else first", "first", VERDICT
    ),
    Mutation("recall_limits", "betaincinv(right + 1, items - right,", "betaincinv(right, items - right + 1,"),
    Mutation("worst_class", "alpha = (1 - config.confidence) / len(judged)", "alpha = 1 - config.confidence"),
    Mutation("worst_class", 'limits[label][1], judged[label]["recall"]', 'judged[label]["recall"], 0'),
    Mutation("worst_class", "at_least(name, high, share * mean", "at_least(name, recall, share * mean"),
    Mutation("worst_class", "at_least(name, high, share * mean", "at_least(name, high, share"),
    Mutation("worst_class", 'if row["support"] > 0}', 'if row["support"] >= 0}'),
    Mutation(
        "class_drops", "-least_fall(int(gained[k]), int(lost[k])", "-least_fall(int(lost[k]), int(gained[k])"
    ),
    Mutation("beats_baselines", "if key not in made_of}", "}"),
    Mutation("comparison.beats_champion", "math.sqrt(2) * noise", "noise", VERDICT),
    Mutation(
        "comparison.beats_champion", "at_least(name, found.low, bound", "at_least(name, found.high, bound"
    ),
    Mutation(
        "classification_checks.Checks.alone", "bounds.margin, made_of=self.made_of", "bounds.margin", VERDICT
    ),
    Mutation("beyond_chance", 'judge(name, kappa["low"]', 'judge(name, kappa["value"]', VERDICT),
    Mutation("beyond_chance", "lambda low: low > bound", "lambda low: low >= bound", VERDICT),
    Mutation("beyond_chance", "for row in (per_class or {}).values()) == 1", "for row in ()) == 1", VERDICT),
    Mutation("label_noise.named", "(1 - noise.share) * expected_disputes(", "0 * expected_disputes("),
    Mutation("label_noise.named", "np.clip(1 - right / count", "np.clip(1 - right / len(labels)"),
    Mutation(
        "label_noise.named", "noise.ratio <= CERTAIN or noise.error > MOST_ERROR", "noise.error > MOST_ERROR"
    ),
    Mutation("label_noise.named", "or noise.error > MOST_ERROR or", "or"),
    Mutation("fit_noise", "np.where(slope > 0, middle, low)", "np.where(slope < 0, middle, low)"),
    Mutation("expected_disputes", 'searchsorted(of[order], margin, side="right")', "argsort(margin)"),
    Mutation("expected_disputes", "top[rows]] = False", "top[rows]] = True"),
    Mutation("Noise.wrong", "(1 - own) / (self.q.shape[1] - 1)", "(1 - own)"),
    Mutation("label_noise.named", "last = int(enough[-1]) + 1", "last = int(enough[0]) + 1"),
    Mutation("training_noise.deviation", "TYPICAL / math.sqrt(max(labels, 1))", "TYPICAL / max(labels, 1)"),
    Mutation("training_noise.widened", "math.hypot(interval.value - interval.low, reach)", "reach"),
    Mutation("training_noise.widened", "(1 + level) / 2", "level"),
    Mutation("variance_between", "statistic <= chi_squared(1 - DOUBT, free)", "statistic <= free"),
    Mutation("variance_between", "(statistic - free) * spread", "statistic * spread"),
    Mutation("training_noise.deviation", "return max(typical,", "return min(typical,"),
    Mutation("with_training_noise", "2 if name in TRAINED else 1", "1", STAGE),
    Mutation("evaluate.metrics.measured", "max(outside or present,", "max(present,", STAGE),
    Mutation("measure_benefit", "_one_class(counts) or _chance(found)", "_chance(found)"),
    Mutation("report.beyond_accuracy.suspects", 'if doubted["why"]:', 'if not doubted["why"]:'),
]
