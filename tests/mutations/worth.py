"""Deliberate errors in what says whether a method is worth it, and in distillation."""

from tests.mutations.base import Mutation

DISTILLATION = ("tests/components/semisupervised/test_distillation.py",)
CONFIRMING = ("tests/components/evaluation/labels/test_confirmation_bias.py",)
CHANCE = ("tests/components/evaluation/classification/test_kappa.py",)
WORTH = ("tests/pipelines/stages/evaluate/test_benefit.py",)
GATE = ("tests/pipelines/registry/test_gate_checks.py", "-k", "hurts")
STAGE = "tests/pipelines/stages/finetune/test_classification.py"
THIRD = (STAGE, "-k", "third_step")
ADVICE = ("tests/pipelines/stages/evaluate/test_classification.py", "-k", "advice")
ALONE = (STAGE, "-k", "alone")
HELD = (STAGE, "-k", "held_out")
HANDED = ("tests/pipelines/stages/finetune/test_champion_labels.py",)

METHOD = "components/semisupervised/distillation.py"
EVALUATION = "components/evaluation/"

MUTATIONS = [
    Mutation(
        METHOD,
        "(at_least_float32(teacher).detach() / temperature)",
        "at_least_float32(teacher).detach()",
        DISTILLATION,
    ),
    Mutation(METHOD, "at_least_float32(teacher).detach()", "at_least_float32(teacher)", DISTILLATION),
    Mutation(METHOD, "return -(target", "return (target", DISTILLATION),
    Mutation(METHOD, "log_softmax(dim=1)).sum(dim=1)", "log_softmax(dim=0)).sum(dim=1)", DISTILLATION),
    Mutation(METHOD, "alpha * imitation + (1 - alpha) * supervised", "imitation + supervised", DISTILLATION),
    Mutation(METHOD, "        self.teacher.eval()\n", "", DISTILLATION),
    Mutation(METHOD, "teacher_of(teacher).eval()", "teacher.eval()", DISTILLATION),
    Mutation(
        "components/training/finetune.py",
        "method.learn_from(job.teacher or nn.Sequential(encoder, method.head))",
        "pass",
        THIRD,
    ),
    Mutation(
        "components/evaluation/labels/confirmation_bias.py",
        "fall.low > 0 and loss.low > 0",
        "fall.low > 0",
        CONFIRMING,
    ),
    Mutation(
        "components/evaluation/labels/confirmation_bias.py",
        "np.argsort(-p.max",
        "np.argsort(p.max",
        CONFIRMING,
    ),
    Mutation("components/evaluation/labels/confirmation_bias.py", "v * len(first) / sure", "v", CONFIRMING),
    Mutation(
        "components/evaluation/classification/kappa.py",
        "right - dealt, 1 - dealt",
        "right - dealt, 1 - 0 * dealt",
        CHANCE,
    ),
    Mutation("components/evaluation/classification/kappa.py", "/ total**2", "/ total", CHANCE),
    Mutation(
        "pipelines/stages/evaluate/benefit.py", "if difference.high < 0", "if difference.low < 0", WORTH
    ),
    Mutation("pipelines/stages/evaluate/benefit.py", "rival = min(", "rival = max(", WORTH),
    Mutation("pipelines/stages/evaluate/benefit.py", "if kappa.low > 0", "if kappa.value > 0", WORTH),
    Mutation("pipelines/stages/evaluate/benefit.py", "row.name == METHOD), 0.0)", "row.name), 0.0)", WORTH),
    Mutation("pipelines/stages/evaluate/benefit.py", "portfolio.served == METHOD:", "False:", WORTH),
    Mutation("pipelines/stages/evaluate/benefit.py", "portfolio.served != COMMITTEE:", "False:", WORTH),
    Mutation(
        "pipelines/stages/evaluate/classification.py",
        "portfolio=found.portfolio, **how",
        "portfolio=None, **how",
        ADVICE,
    ),
    Mutation(
        "pipelines/registry/classification_checks.py",
        '.get("high"), 0.0, what)',
        '.get("low"), 0.0, what)',
        GATE,
    ),
    Mutation("pipelines/stages/finetune/trainings.py", "pseudo=whole and not alone", "pseudo=whole", HELD),
    Mutation(
        "pipelines/stages/finetune/judges.py", "material, pseudo=False)", "material, pseudo=True)", ALONE
    ),
    Mutation(
        "pipelines/stages/finetune/champion_labels.py",
        "free[material.labelled] = False",
        "free[[]] = False",
        HANDED,
    ),
    Mutation("pipelines/stages/finetune/champion_labels.py", "confidence[order])", "confidence)", HANDED),
]
