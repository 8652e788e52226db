"""Deliberate errors in the gate's intervals, in which labels are named, and in training noise."""

from tests.mutations.base import Mutation

CLASSES = ("tests/components/registry/test_class_checks.py",)
COMPARISON = ("tests/components/registry/test_comparison.py",)
VERDICT = ("tests/pipelines/registry/test_gate_checks.py",)
NAMED = ("tests/components/evaluation/labels/test_label_noise.py",)
NOISE = ("tests/components/evaluation/classification/test_training_noise.py",)
STAGE = (
    "tests/pipelines/stages/evaluate/test_classification.py",
    "-k",
    "widened or noisier or part_of or shows_nothing",
)
WORTH = ("tests/pipelines/stages/evaluate/test_benefit.py",)
STORY = ("tests/pipelines/stages/report/test_beyond_accuracy.py",)

RECALL = "components/registry/class_checks.py"
LABELS = "components/evaluation/labels/label_noise.py"
TRAINING = "components/evaluation/classification/training_noise.py"

MUTATIONS = [
    Mutation(RECALL, "betaincinv(right + 1, items - right,", "betaincinv(right, items - right + 1,", CLASSES),
    Mutation(
        RECALL, "alpha = (1 - config.confidence) / len(judged)", "alpha = 1 - config.confidence", CLASSES
    ),
    Mutation(RECALL, 'limits[label][1], judged[label]["recall"]', 'judged[label]["recall"], 0', CLASSES),
    Mutation(RECALL, "at_least(name, high, share * mean", "at_least(name, recall, share * mean", CLASSES),
    Mutation(RECALL, "at_least(name, high, share * mean", "at_least(name, high, share", CLASSES),
    Mutation(RECALL, 'if row["support"] > 0}', 'if row["support"] >= 0}', CLASSES),
    Mutation(
        RECALL,
        "-least_fall(int(gained[k]), int(lost[k])",
        "-least_fall(int(lost[k]), int(gained[k])",
        CLASSES,
    ),
    Mutation("components/registry/comparison.py", "if key not in made_of}", "}", COMPARISON),
    Mutation("components/registry/comparison.py", "math.sqrt(2) * noise", "noise", VERDICT),
    Mutation(
        "components/registry/comparison.py",
        "at_least(name, found.low, bound",
        "at_least(name, found.high, bound",
        COMPARISON,
    ),
    Mutation(
        "pipelines/registry/classification_checks.py",
        "bounds.margin, made_of=self.made_of",
        "bounds.margin",
        VERDICT,
    ),
    Mutation(RECALL, 'judge(name, kappa["low"]', 'judge(name, kappa["value"]', VERDICT),
    Mutation(RECALL, "lambda low: low > bound", "lambda low: low >= bound", VERDICT),
    Mutation(RECALL, "for row in (per_class or {}).values()) == 1", "for row in ()) == 1", VERDICT),
    Mutation(LABELS, "(1 - noise.share) * expected_disputes(", "0 * expected_disputes(", NAMED),
    Mutation(LABELS, "np.clip(1 - right / count", "np.clip(1 - right / len(labels)", NAMED),
    Mutation(LABELS, "noise.ratio <= CERTAIN or noise.error > MOST_ERROR", "noise.error > MOST_ERROR", NAMED),
    Mutation(LABELS, "or noise.error > MOST_ERROR or", "or", NAMED),
    Mutation(LABELS, "np.where(slope > 0, middle, low)", "np.where(slope < 0, middle, low)", NAMED),
    Mutation(LABELS, 'searchsorted(of[order], margin, side="right")', "argsort(margin)", NAMED),
    Mutation(LABELS, "top[rows]] = False", "top[rows]] = True", NAMED),
    Mutation(LABELS, "(1 - own) / (self.q.shape[1] - 1)", "(1 - own)", NAMED),
    Mutation(LABELS, "last = int(enough[-1]) + 1", "last = int(enough[0]) + 1", NAMED),
    Mutation(TRAINING, "TYPICAL / math.sqrt(max(labels, 1))", "TYPICAL / max(labels, 1)", NOISE),
    Mutation(TRAINING, "math.hypot(interval.value - interval.low, reach)", "reach", NOISE),
    Mutation(TRAINING, "(1 + level) / 2", "level", NOISE),
    Mutation(TRAINING, "statistic <= chi_squared(1 - DOUBT, free)", "statistic <= free", NOISE),
    Mutation(TRAINING, "(statistic - free) * spread", "statistic * spread", NOISE),
    Mutation(TRAINING, "return max(typical,", "return min(typical,", NOISE),
    Mutation("pipelines/stages/evaluate/metrics.py", "2 if name in TRAINED else 1", "1", STAGE),
    Mutation("pipelines/stages/evaluate/metrics.py", "max(outside or present,", "max(present,", STAGE),
    Mutation(
        "pipelines/stages/evaluate/benefit.py",
        "_one_class(counts) or _chance(found)",
        "_chance(found)",
        WORTH,
    ),
    Mutation(
        "pipelines/stages/report/beyond_accuracy.py", 'if doubted["why"]:', 'if not doubted["why"]:', STORY
    ),
]
