"""Deliberate errors in what speaks for or against a model."""

from tests.mutations.base import Mutation

HERE = "tests/components/evaluation/"
CONFORMAL = (HERE + "test_conformal.py",)
OUTLIERS = (HERE + "test_outliers.py",)
NOISY = (HERE + "test_noisy.py",)
ECONOMY = (HERE + "test_economy.py",)
ACTIVE = (HERE + "test_active.py",)
RETRIEVAL = (HERE + "test_retrieval.py",)
CORRUPT = (HERE + "test_corruptions.py",)
TUNING = (HERE + "test_fine_tuning.py",)
DENSE = (HERE + "test_dense.py", "-m", "not slow")
AGREEMENT = (HERE + "test_agreement.py",)
BETWEEN = ("tests/pipelines/stages/test_finetune.py", "-k", "between")
SINGLE = ("tests/pipelines/stages/test_finetune.py", "-k", "one_label")

MUTATIONS = [
    Mutation(
        "components/evaluation/conformal.py",
        "(len(own) + 1) * (1 - miss)",
        "len(own) * (1 - miss)",
        CONFORMAL,
    ),
    Mutation("components/evaluation/conformal.py", "np.asarray(1 - p)", "np.asarray(p)", CONFORMAL),
    Mutation("components/evaluation/conformal.py", "own[labels == k] if by_class else own", "own", CONFORMAL),
    Mutation(
        "components/evaluation/conformal.py", "np.argsort(-p, axis=1", "np.argsort(p, axis=1", CONFORMAL
    ),
    Mutation("components/evaluation/outliers.py", "x - means[place]", "x - x.mean(axis=0)", OUTLIERS),
    Mutation("components/evaluation/outliers.py", "vectors / np.sqrt(", "vectors / (", OUTLIERS),
    Mutation("components/evaluation/outliers.py", "min(self.k, len(self.bank)) - 1", "0", OUTLIERS),
    Mutation("components/evaluation/noisy.py", "p >= usual(p, labels) - 1e-6", "p >= 0.5", NOISY),
    Mutation("components/evaluation/noisy.py", "& (found != labels)", "& (found == labels)", NOISY),
    Mutation(
        "components/evaluation/economy.py", "turn[rows] = np.arange(len(rows))", "turn[rows] = 0", ECONOMY
    ),
    Mutation(
        "components/evaluation/economy.py",
        "np.exp((1 - share) * np.log(sizes[at - 1]) + share * np.log(sizes[at]))",
        "(1 - share) * sizes[at - 1] + share * sizes[at]",
        ECONOMY,
    ),
    Mutation(
        "components/evaluation/economy.py",
        "labels_for(float(b[-1]), sizes, a), labels_for(float(a[-1]), sizes, b)",
        "labels_for(float(a[-1]), sizes, a), labels_for(float(b[-1]), sizes, b)",
        ECONOMY,
    ),
    Mutation(
        "components/evaluation/active.py", "nearest = np.minimum(nearest, _squares(x, best))", "pass", ACTIVE
    ),
    Mutation("components/evaluation/retrieval.py", "hits[:relevant]", "hits", RETRIEVAL),
    Mutation("components/evaluation/corruptions.py", "2 * sigma**2", "sigma**2", CORRUPT),
    Mutation("components/evaluation/fine_tuning.py", "(len(found) - i)", "i", TUNING),
    Mutation("components/evaluation/average_precision.py", "and best not in taken", "", DENSE),
    Mutation("components/evaluation/detection.py", "(1 - heat) ** 4 * p**2", "p**2", DENSE),
    Mutation("components/evaluation/agreement.py", "argmax(axis=1) ==", "argmax(axis=1) !=", AGREEMENT),
    Mutation(
        "components/evaluation/agreement.py",
        "(middle, high) if above else (low, middle)",
        "(low, middle) if above else (middle, high)",
        AGREEMENT,
    ),
    Mutation(
        "pipelines/finetuning/kept.py",
        "np.setdiff1d(frozen.sampled, material.labelled)",
        "frozen.sampled",
        SINGLE,
    ),
    Mutation(
        "pipelines/finetuning/kept.py",
        "temperature_for(ours, share)",
        "temperature_for(theirs, share)",
        SINGLE,
    ),
    Mutation("components/evaluation/agreement.py", "min(0.5, FEW / labels)", "0.5", AGREEMENT),
    Mutation(
        "pipelines/finetuning/kept.py", "held.sets(config, temperature)", "held.sets(config, 1.0)", BETWEEN
    ),
    Mutation(
        "pipelines/finetuning/kept.py",
        "if held else 0, by_agreement)",
        "if held else 0, None)",
        BETWEEN,
    ),
]
