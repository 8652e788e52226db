"""Deliberate errors in the protocols that a recipe names, and in what to label next."""

from tests.mutations.base import Mutation

EVALUATION, HERE = "components/evaluation/", "pipelines/evaluation/"
ASK = ("tests/components/evaluation/test_ask.py",)
TUNING = ("tests/components/evaluation/test_fine_tuning.py",)
PROTOCOLS = ("tests/pipelines/evaluation/test_protocols.py",)
SAID = ("tests/pipelines/reporting/test_protocols.py",)
ASKING = ("tests/pipelines/reporting/test_asking.py",)

MUTATIONS = [
    Mutation(EVALUATION + "ask.py", "-value[left], held[left]", "held[left], -value[left]", ASK),
    Mutation(EVALUATION + "ask.py", "np.sqrt(size) * wrong", "np.sqrt(size) * (1 - wrong)", ASK),
    Mutation(EVALUATION + "ask.py", "        held[first] += 1\n", "", ASK),
    Mutation(EVALUATION + "ask.py", "1 / np.maximum(means, 1e-3)", "means", ASK),
    Mutation(EVALUATION + "ask.py", "int(labelled.sum()) + count", "count", ASK),
    Mutation(EVALUATION + "fine_tuning.py", 'how == "frozen"', 'how == "none"', TUNING),
    Mutation(EVALUATION + "fine_tuning.py", "copy.deepcopy(encoder)", "encoder", TUNING),
    Mutation(
        EVALUATION + "segmentation.py",
        "both / (",
        "2 * both / (",
        ("tests/components/evaluation/test_dense.py", "-k", "scikit"),
    ),
    Mutation(
        EVALUATION + "low_shot.py", "pool=train, ", "", ("tests/components/evaluation/test_low_shot.py",)
    ),
    Mutation(HERE + "protocols.py", "centre=centre)", "centre=None)", PROTOCOLS),
    Mutation(
        HERE + "protocols.py",
        "subject.table.train_rows(), GROUPED",
        "subject.table.test_rows(), GROUPED",
        PROTOCOLS,
    ),
    Mutation(
        HERE + "protocols.py",
        "subject.table.labelled_rows(), TAUGHT",
        "subject.table.test_rows(), TAUGHT",
        PROTOCOLS,
    ),
    Mutation(HERE + "protocols.py", "np.mean(list(each.values()))", "max(each.values())", PROTOCOLS),
    Mutation(HERE + "dense.py", "(table.labelled_rows(), TAUGHT)", "(table.test_rows(), TAUGHT)", PROTOCOLS),
    Mutation("pipelines/reporting/protocols.py", '[of["clean"], *(', "[1.0, *(", SAID),
    Mutation("pipelines/reporting/asking.py", "members & labelled", "members", ASKING),
]
