"""Deliberate errors in the candidates, their weights and the network that several are served as."""

from tests.mutations.base import Mutation

STACKING = ("tests/components/evaluation/test_stacking.py",)
CHOOSE = ("tests/pipelines/finetuning/test_portfolio.py",)
JUDGES = ("tests/pipelines/finetuning/test_judges.py",)
STAGE = (
    "tests/pipelines/stages/test_finetune.py",
    "-k",
    "portfolio or leads or published or temperature or begin",
)
KEPT = ("tests/pipelines/finetuning/test_kept.py",)
REPORT = ("tests/pipelines/reporting/test_candidates.py",)
BUDGET = ("tests/pipelines/test_init.py", "-k", "budget")
PORTFOLIO = "pipelines/finetuning/portfolio.py"

MUTATIONS = [
    Mutation("components/evaluation/stacking.py", "(strength * prior + share", "(share", STACKING),
    Mutation("components/evaluation/stacking.py", "share /= share.sum(axis=0)", "pass", STACKING),
    Mutation("components/encoders/joined.py", "and not isinstance(m, Pixels)", "", CHOOSE),
    Mutation(PORTFOLIO, "(found[n], w / t)", "(found[n], w)", CHOOSE),
    Mutation(PORTFOLIO, "if weight[best] >= config.lead:", "if False:", CHOOSE),
    Mutation(PORTFOLIO, "weight >= LEAST", "weight >= 0", CHOOSE),
    Mutation(PORTFOLIO, "key=lambda part: isinstance(", "key=lambda part: not isinstance(", CHOOSE),
    Mutation(PORTFOLIO, "raw.bias + raw.weight @ mean", "raw.bias", CHOOSE),
    Mutation(PORTFOLIO, "member.load_state_dict(", "member.state_dict; (", STAGE),
    Mutation("pipelines/finetuning/candidates.py", "if self.served in BASELINE_OF else ()", "", CHOOSE),
    Mutation("pipelines/finetuning/judges.py", "if gain <= error + 1e-9:", "if gain <= 0:", JUDGES),
    Mutation("pipelines/finetuning/judges.py", "key=lambda one: -one[1]", "key=lambda one: one[1]", JUDGES),
    Mutation("pipelines/finetuning/kept.py", "agreement(first, second)", "agreement(ours, second)", KEPT),
    Mutation(
        "pipelines/finetuning/layers.py",
        "head if start.head else None, start.rate",
        "head, start.rate",
        STAGE,
    ),
    Mutation("pipelines/reporting/candidates.py", "(-row[", "(row[", REPORT),
    Mutation("pipelines/proposal.py", "budget * TUNING * 2 * speed", "BUDGET * TUNING * 2 * speed", BUDGET),
    Mutation("pipelines/proposal.py", "or float(found[1]) == 0", "", BUDGET),
]
