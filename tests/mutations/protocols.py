"""Deliberate errors in the protocols that a recipe names, and in what to label next."""

from tests.mutations.base import Mutation

DENSE = ("tests/components/evaluation/dense/test_dense.py", "-k", "scikit")
PROTOCOLS = ("tests/pipelines/stages/evaluate/test_protocols.py",)

MUTATIONS = [
    Mutation("acquisition.rank", "-value[left], held[left]", "held[left], -value[left]"),
    Mutation("expected_gain", "np.sqrt(size) * wrong", "np.sqrt(size) * (1 - wrong)"),
    Mutation("acquisition.rank", "        held[first] += 1\n", ""),
    Mutation("typicality", "1 / np.maximum(means, 1e-3)", "means"),
    Mutation("groups_for", "int(labelled.sum()) + count", "count"),
    Mutation("fine_tune", 'how == "frozen"', 'how == "none"'),
    Mutation("fine_tune", "copy.deepcopy(encoder)", "encoder"),
    Mutation("intersection_over_union", "both / (", "2 * both / (", DENSE),
    Mutation("low_shot.low_shot", "pool=train, ", ""),
    Mutation("protocols.clustering", "centre=centre)", "centre=None)"),
    Mutation(
        "protocols.clustering", "subject.table.train_rows(), GROUPED", "subject.table.test_rows(), GROUPED"
    ),
    Mutation("protocols.tuned", "subject.table.labelled_rows(), TAUGHT", "subject.table.test_rows(), TAUGHT"),
    Mutation("protocols.corruptions", "np.mean(list(each.values()))", "max(each.values())"),
    Mutation("_scenes", "(table.labelled_rows(), TAUGHT)", "(table.test_rows(), TAUGHT)", PROTOCOLS),
    Mutation("falling", '[of["clean"], *(', "[1.0, *("),
    Mutation("to_label.why", "members & labelled", "members"),
]
