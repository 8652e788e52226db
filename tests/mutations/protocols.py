"""Deliberate errors in the protocols that a recipe names, and in what to label next."""

from tests.mutations.base import Mutation

EVALUATION, HERE = "components/evaluation/", "pipelines/stages/evaluate/"
ASK = ("tests/components/evaluation/labels/test_acquisition.py",)
TUNING = ("tests/components/evaluation/representation/test_fine_tuning.py",)
PROTOCOLS = ("tests/pipelines/stages/evaluate/test_protocols.py",)
SAID = ("tests/pipelines/stages/report/test_protocols.py",)
ASKING = ("tests/pipelines/stages/report/test_to_label.py",)

MUTATIONS = [
    Mutation(
        "components/evaluation/labels/acquisition.py",
        "-value[left], held[left]",
        "held[left], -value[left]",
        ASK,
    ),
    Mutation(
        "components/evaluation/labels/acquisition.py",
        "np.sqrt(size) * wrong",
        "np.sqrt(size) * (1 - wrong)",
        ASK,
    ),
    Mutation("components/evaluation/labels/acquisition.py", "        held[first] += 1\n", "", ASK),
    Mutation("components/evaluation/labels/acquisition.py", "1 / np.maximum(means, 1e-3)", "means", ASK),
    Mutation("components/evaluation/labels/acquisition.py", "int(labelled.sum()) + count", "count", ASK),
    Mutation(
        "components/evaluation/representation/fine_tuning.py", 'how == "frozen"', 'how == "none"', TUNING
    ),
    Mutation(
        "components/evaluation/representation/fine_tuning.py", "copy.deepcopy(encoder)", "encoder", TUNING
    ),
    Mutation(
        "components/evaluation/dense/segmentation.py",
        "both / (",
        "2 * both / (",
        ("tests/components/evaluation/dense/test_dense.py", "-k", "scikit"),
    ),
    Mutation(
        "components/evaluation/representation/low_shot.py",
        "pool=train, ",
        "",
        ("tests/components/evaluation/representation/test_low_shot.py",),
    ),
    Mutation("pipelines/stages/evaluate/protocols.py", "centre=centre)", "centre=None)", PROTOCOLS),
    Mutation(
        "pipelines/stages/evaluate/protocols.py",
        "subject.table.train_rows(), GROUPED",
        "subject.table.test_rows(), GROUPED",
        PROTOCOLS,
    ),
    Mutation(
        "pipelines/stages/evaluate/protocols.py",
        "subject.table.labelled_rows(), TAUGHT",
        "subject.table.test_rows(), TAUGHT",
        PROTOCOLS,
    ),
    Mutation(
        "pipelines/stages/evaluate/protocols.py",
        "np.mean(list(each.values()))",
        "max(each.values())",
        PROTOCOLS,
    ),
    Mutation(
        "pipelines/stages/evaluate/dense.py",
        "(table.labelled_rows(), TAUGHT)",
        "(table.test_rows(), TAUGHT)",
        PROTOCOLS,
    ),
    Mutation("pipelines/stages/report/protocols.py", '[of["clean"], *(', "[1.0, *(", SAID),
    Mutation("pipelines/stages/report/to_label.py", "members & labelled", "members", ASKING),
]
