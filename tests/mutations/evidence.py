"""Deliberate errors in what speaks for or against a model."""

from tests.mutations.base import Mutation

HERE = "tests/components/evaluation/"
CONFORMAL = ("tests/components/evaluation/classification/test_conformal.py",)
OUTLIERS = ("tests/components/evaluation/classification/test_outliers.py",)
NOISY = ("tests/components/evaluation/labels/test_label_errors.py",)
ECONOMY = ("tests/components/evaluation/labels/test_label_savings.py",)
ACTIVE = ("tests/benchmarks/test_sampling_rules.py",)
RETRIEVAL = ("tests/components/evaluation/representation/test_retrieval.py",)
CORRUPT = ("tests/components/evaluation/classification/test_corruptions.py",)
TUNING = ("tests/components/evaluation/representation/test_fine_tuning.py",)
DENSE = ("tests/components/evaluation/dense/test_dense.py", "-m", "not slow")
AGREEMENT = ("tests/components/evaluation/classification/test_agreement.py",)
BETWEEN = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "between")
SINGLE = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "one_label")

MUTATIONS = [
    Mutation(
        "components/evaluation/classification/conformal.py",
        "(len(own) + 1) * (1 - miss)",
        "len(own) * (1 - miss)",
        CONFORMAL,
    ),
    Mutation(
        "components/evaluation/classification/conformal.py", "np.asarray(1 - p)", "np.asarray(p)", CONFORMAL
    ),
    Mutation(
        "components/evaluation/classification/conformal.py",
        "own[labels == k] if by_class else own",
        "own",
        CONFORMAL,
    ),
    Mutation(
        "components/evaluation/classification/conformal.py",
        "np.argsort(-p, axis=1",
        "np.argsort(p, axis=1",
        CONFORMAL,
    ),
    Mutation(
        "components/evaluation/classification/outliers.py", "x - means[place]", "x - x.mean(axis=0)", OUTLIERS
    ),
    Mutation(
        "components/evaluation/classification/outliers.py", "vectors / np.sqrt(", "vectors / (", OUTLIERS
    ),
    Mutation(
        "components/evaluation/classification/outliers.py", "min(self.k, len(self.bank)) - 1", "0", OUTLIERS
    ),
    Mutation(
        "components/evaluation/labels/label_errors.py", "p >= usual(p, labels) - 1e-6", "p >= 0.5", NOISY
    ),
    Mutation(
        "components/evaluation/labels/label_errors.py", "& (found != labels)", "& (found == labels)", NOISY
    ),
    Mutation(
        "components/evaluation/labels/label_savings.py",
        "turn[rows] = np.arange(len(rows))",
        "turn[rows] = 0",
        ECONOMY,
    ),
    Mutation(
        "components/evaluation/labels/label_savings.py",
        "np.exp((1 - share) * np.log(sizes[at - 1]) + share * np.log(sizes[at]))",
        "(1 - share) * sizes[at - 1] + share * sizes[at]",
        ECONOMY,
    ),
    Mutation(
        "components/evaluation/labels/label_savings.py",
        "labels_for(float(b[-1]), sizes, a), labels_for(float(a[-1]), sizes, b)",
        "labels_for(float(a[-1]), sizes, a), labels_for(float(b[-1]), sizes, b)",
        ECONOMY,
    ),
    Mutation(
        "benchmarks/sampling_rules.py",
        "nearest = np.minimum(nearest, _squares(x, best))",
        "pass",
        ACTIVE,
    ),
    Mutation("components/evaluation/representation/retrieval.py", "hits[:relevant]", "hits", RETRIEVAL),
    Mutation("components/evaluation/classification/corruptions.py", "2 * sigma**2", "sigma**2", CORRUPT),
    Mutation("components/evaluation/representation/fine_tuning.py", "(len(found) - i)", "i", TUNING),
    Mutation("components/evaluation/classification/average_precision.py", "and best not in taken", "", DENSE),
    Mutation("components/evaluation/dense/detection.py", "(1 - heat) ** 4 * p**2", "p**2", DENSE),
    Mutation(
        "components/evaluation/classification/agreement.py",
        "argmax(axis=1) ==",
        "argmax(axis=1) !=",
        AGREEMENT,
    ),
    Mutation(
        "components/evaluation/classification/agreement.py",
        "(middle, high) if above else (low, middle)",
        "(low, middle) if above else (middle, high)",
        AGREEMENT,
    ),
    Mutation(
        "pipelines/stages/finetune/outputs.py",
        "np.setdiff1d(frozen.sampled, material.labelled)",
        "frozen.sampled",
        SINGLE,
    ),
    Mutation(
        "pipelines/stages/finetune/outputs.py",
        "temperature_for(ours, min",
        "temperature_for(theirs, min",
        SINGLE,
    ),
    Mutation("components/evaluation/classification/agreement.py", "min(0.5, FEW / labels)", "0.5", AGREEMENT),
    Mutation(
        "pipelines/stages/finetune/outputs.py",
        "held.sets(config, temperature)",
        "held.sets(config, 1.0)",
        BETWEEN,
    ),
    Mutation(
        "pipelines/stages/finetune/outputs.py",
        "if held else 0, by_agreement)",
        "if held else 0, None)",
        BETWEEN,
    ),
]
