"""Deliberate errors in the figures without labels, the verdict on them, the rule for defaults, the choice."""

from tests.mutations.base import Mutation

SPECTRUM = ("tests/components/evaluation/representation/test_spectrum.py",)
CHURN = ("tests/components/evaluation/classification/test_churn.py",)
SYMPTOMS = ("tests/components/evaluation/representation/test_collapse.py",)
DEFAULTS = ("tests/components/training/test_defaults.py",)
CANDIDATES = ("tests/components/training/test_candidates.py",)
CHOOSE = ("tests/components/training/test_choose.py",)

MUTATIONS = [
    Mutation(
        "components/evaluation/representation/spectrum.py",
        "return -float((x * y).sum() / x.square().sum())",
        "return float((x * y).sum() / x.square().sum())",
        SPECTRUM,
    ),
    Mutation("components/evaluation/representation/spectrum.py", "first = last // 5", "first = 0", SPECTRUM),
    Mutation(
        "components/evaluation/representation/spectrum.py",
        "torch.linalg.svdvals(x - x.mean(dim=0)).square()",
        "torch.linalg.svdvals(x).square()",
        SPECTRUM,
    ),
    Mutation("components/evaluation/representation/spectrum.py", " - within / q\n", "\n", SPECTRUM),
    Mutation(
        "components/evaluation/representation/spectrum.py",
        "centres = x.mean(dim=1)",
        "centres = x.mean(dim=0)",
        SPECTRUM,
    ),
    Mutation(
        "components/evaluation/representation/spectrum.py",
        ".abs().sum() - count)",
        ".sum() - count)",
        SPECTRUM,
    ),
    Mutation("components/evaluation/classification/churn.py", "(before != now)", "(before == now)", CHURN),
    Mutation("components/evaluation/classification/churn.py", " - x.mean(dim=0), dim=1)", ", dim=1)", CHURN),
    Mutation("components/evaluation/representation/collapse.py", "< SILENT", "< 0", SYMPTOMS),
    Mutation("components/evaluation/representation/collapse.py", "apart < SAME", "apart > SAME", SYMPTOMS),
    Mutation("components/evaluation/representation/collapse.py", "used < ALONE", "used < 0", SYMPTOMS),
    Mutation(
        "components/training/defaults.py",
        'math.sqrt(ratio) if optimiser == "adamw" else ratio',
        'ratio if optimiser == "adamw" else math.sqrt(ratio)',
        DEFAULTS,
    ),
    Mutation(
        "components/training/defaults.py", "(BALANCE * prototypes - batch)", "(prototypes - batch)", DEFAULTS
    ),
    Mutation("components/training/defaults.py", "samples // 4 // batch", "samples // batch", DEFAULTS),
    Mutation("components/training/defaults.py", "0.05 if samples >= MANY else 0.03", "0.05", DEFAULTS),
    Mutation(
        "components/training/candidates.py",
        "(balances or field not in BALANCED)",
        "True",
        CANDIDATES,
    ),
    Mutation(
        "components/training/candidates.py", 'classes if classes and name == "scan" else', "", CANDIDATES
    ),
    Mutation("components/training/candidates.py", "epochs=train.epochs", "epochs=9", CANDIDATES),
    Mutation("components/training/choose.py", "(a * b > 0) - (a * b < 0)", "(a * b > 0)", CHOOSE),
    Mutation("components/training/choose.py", "- abs(figures", "+ abs(figures", CHOOSE),
]
