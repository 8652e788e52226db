"""Deliberate errors in what speaks for or against a model."""

from tests.mutations.base import Mutation

DENSE = ("tests/components/evaluation/dense/test_dense.py", "-m", "not slow")
SINGLE = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "one_label")
BETWEEN = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "between")

MUTATIONS = [
    Mutation("conformal.bound", "(len(own) + 1) * (1 - miss)", "len(own) * (1 - miss)"),
    Mutation("conformal.scores", "np.asarray(1 - p)", "np.asarray(p)"),
    Mutation("fit_sets", "own[labels == k] if by_class else own", "own"),
    Mutation("conformal.scores", "np.argsort(-p, axis=1", "np.argsort(p, axis=1"),
    Mutation("fit_mahalanobis", "x - means[place]", "x - x.mean(axis=0)"),
    Mutation("fit_mahalanobis", "vectors / np.sqrt(", "vectors / ("),
    Mutation("Neighbours.scores", "min(self.k, len(self.bank)) - 1", "0"),
    Mutation("confident", "p >= usual(p, labels) - 1e-6", "p >= 0.5"),
    Mutation("label_errors.suspects", "& (found != labels)", "& (found == labels)"),
    Mutation("nested", "turn[rows] = np.arange(len(rows))", "turn[rows] = 0"),
    Mutation(
        "labels_for",
        "np.exp((1 - share) * np.log(sizes[at - 1]) + share * np.log(sizes[at]))",
        "(1 - share) * sizes[at - 1] + share * sizes[at]",
    ),
    Mutation(
        "label_savings._read",
        "labels_for(float(b[-1]), sizes, a), labels_for(float(a[-1]), sizes, b)",
        "labels_for(float(a[-1]), sizes, a), labels_for(float(b[-1]), sizes, b)",
    ),
    Mutation("core_set", "nearest = np.minimum(nearest, _squares(x, best))", "pass"),
    Mutation("average_precision_at_r", "hits[:relevant]", "hits"),
    Mutation("corruptions.blur", "2 * sigma**2", "sigma**2"),
    Mutation("fine_tuning.groups", "(len(found) - i)", "i"),
    Mutation("_judge", "and best not in taken", "", DENSE),
    Mutation("focal", "(1 - heat) ** 4 * p**2", "p**2", DENSE),
    Mutation("agreement.agreement", "argmax(axis=1) ==", "argmax(axis=1) !="),
    Mutation(
        "temperature_for",
        "(middle, high) if above else (low, middle)",
        "(low, middle) if above else (middle, high)",
    ),
    Mutation("agreed", "np.setdiff1d(frozen.sampled, material.labelled)", "frozen.sampled", SINGLE),
    Mutation("agreed", "temperature_for(ours, min", "temperature_for(theirs, min", SINGLE),
    Mutation("agreement.together", "min(0.5, FEW / labels)", "0.5"),
    Mutation("outputs.described", "held.sets(config, temperature)", "held.sets(config, 1.0)", BETWEEN),
    Mutation("outputs.save_all", "if held else 0, by_agreement)", "if held else 0, None)", BETWEEN),
]
