"""Deliberate errors in the candidates, their weights and the network that several are served as."""

from tests.mutations.base import Mutation

STACKING = ("tests/components/evaluation/classification/test_stacking.py",)
CHOOSE = ("tests/pipelines/stages/finetune/test_portfolio.py",)
JUDGES = ("tests/pipelines/stages/finetune/test_judges.py",)
STAGE = (
    "tests/pipelines/stages/finetune/test_stage.py",
    "-k",
    "portfolio or leads or published or temperature or begin",
)
KEPT = ("tests/pipelines/stages/finetune/test_outputs.py",)
REPORT = ("tests/pipelines/stages/report/test_candidates.py",)
BUDGET = ("tests/pipelines/onboarding/test_init.py", "-k", "budget")
PORTFOLIO = "pipelines/stages/finetune/portfolio.py"

MUTATIONS = [
    Mutation(
        "components/evaluation/classification/stacking.py", "(strength * prior + share", "(share", STACKING
    ),
    Mutation(
        "components/evaluation/classification/stacking.py", "share /= share.sum(axis=0)", "pass", STACKING
    ),
    Mutation("components/encoders/joined.py", "and not isinstance(m, Pixels)", "", CHOOSE),
    Mutation(PORTFOLIO, "(found[n], w / t)", "(found[n], w)", CHOOSE),
    Mutation(PORTFOLIO, "if weight[best] >= config.lead:", "if False:", CHOOSE),
    Mutation(PORTFOLIO, "weight >= LEAST", "weight >= 0", CHOOSE),
    Mutation(PORTFOLIO, "key=lambda part: isinstance(", "key=lambda part: not isinstance(", CHOOSE),
    Mutation(PORTFOLIO, "raw.bias + raw.weight @ mean", "raw.bias", CHOOSE),
    Mutation(PORTFOLIO, "member.load_state_dict(", "member.state_dict; (", STAGE),
    Mutation("pipelines/registry/candidates.py", "if self.served in BASELINE_OF else ()", "", CHOOSE),
    Mutation("pipelines/stages/finetune/judges.py", "if gain <= error + 1e-9:", "if gain <= 0:", JUDGES),
    Mutation(
        "pipelines/stages/finetune/judges.py", "key=lambda one: -one[1]", "key=lambda one: one[1]", JUDGES
    ),
    Mutation(
        "pipelines/stages/finetune/outputs.py", "agreement(first, second)", "agreement(ours, second)", KEPT
    ),
    Mutation(
        "pipelines/stages/finetune/trainings.py",
        "head if start.head else None, start.rate",
        "head, start.rate",
        STAGE,
    ),
    Mutation("pipelines/stages/report/candidates.py", "(-row[", "(row[", REPORT),
    Mutation(
        "pipelines/onboarding/recipe_template.py",
        "budget * TUNING * 2 * speed",
        "BUDGET * TUNING * 2 * speed",
        BUDGET,
    ),
    Mutation("pipelines/onboarding/recipe_template.py", "or float(found[1]) == 0", "", BUDGET),
    Mutation(
        "pipelines/stages/finetune/outputs.py",
        "min(share, most)",
        "share",
        ("tests/pipelines/stages/finetune/test_outputs.py",),
    ),
]
