"""Deliberate errors in what says whether a method is worth it, and in distillation."""

from tests.mutations.base import Mutation

DISTILLATION = ("tests/components/semisupervised/test_distillation.py",)
CONFIRMING = ("tests/components/evaluation/test_confirming.py",)
CHANCE = ("tests/components/evaluation/test_chance.py",)
WORTH = ("tests/pipelines/evaluation/test_worth.py",)
GATE = ("tests/pipelines/test_verdict.py", "-k", "hurts")
STAGE = "tests/pipelines/stages/test_finetune.py"
THIRD = (STAGE, "-k", "third_step")
ADVICE = ("tests/pipelines/stages/test_evaluate.py", "-k", "advice")
ALONE = (STAGE, "-k", "alone")
HELD = (STAGE, "-k", "held_out")
HANDED = ("tests/pipelines/finetuning/test_handed.py",)

METHOD = "components/semisupervised/distillation.py"
EVALUATION = "components/evaluation/"

MUTATIONS = [
    Mutation(METHOD, "(wide(teacher).detach() / temperature)", "wide(teacher).detach()", DISTILLATION),
    Mutation(METHOD, "wide(teacher).detach()", "wide(teacher)", DISTILLATION),
    Mutation(METHOD, "return -(target", "return (target", DISTILLATION),
    Mutation(METHOD, "log_softmax(dim=1)).sum(dim=1)", "log_softmax(dim=0)).sum(dim=1)", DISTILLATION),
    Mutation(METHOD, "alpha * imitation + (1 - alpha) * supervised", "imitation + supervised", DISTILLATION),
    Mutation(METHOD, "        self.teacher.eval()\n", "", DISTILLATION),
    Mutation(METHOD, "teacher_of(teacher).eval()", "teacher.eval()", DISTILLATION),
    Mutation(
        "components/training/fewlabels.py",
        "method.learn_from(job.teacher or nn.Sequential(encoder, method.head))",
        "pass",
        THIRD,
    ),
    Mutation(EVALUATION + "confirming.py", "fall.low > 0 and loss.low > 0", "fall.low > 0", CONFIRMING),
    Mutation(EVALUATION + "confirming.py", "np.argsort(-p.max", "np.argsort(p.max", CONFIRMING),
    Mutation(EVALUATION + "confirming.py", "v * len(first) / sure", "v", CONFIRMING),
    Mutation(EVALUATION + "chance.py", "right - dealt, 1 - dealt", "right - dealt, 1 - 0 * dealt", CHANCE),
    Mutation(EVALUATION + "chance.py", "/ total**2", "/ total", CHANCE),
    Mutation("pipelines/evaluation/worth.py", "if difference.high < 0", "if difference.low < 0", WORTH),
    Mutation("pipelines/evaluation/worth.py", "rival = min(", "rival = max(", WORTH),
    Mutation("pipelines/evaluation/worth.py", "if kappa.low > 0", "if kappa.value > 0", WORTH),
    Mutation("pipelines/evaluation/worth.py", "row.name == METHOD), 0.0)", "row.name), 0.0)", WORTH),
    Mutation("pipelines/evaluation/worth.py", "portfolio.served == METHOD:", "False:", WORTH),
    Mutation("pipelines/evaluation/worth.py", "portfolio.served != COMMITTEE:", "False:", WORTH),
    Mutation(
        "pipelines/stages/evaluate.py", "portfolio=found.portfolio, **how", "portfolio=None, **how", ADVICE
    ),
    Mutation("pipelines/verdict.py", '.get("high"), 0.0, what)', '.get("low"), 0.0, what)', GATE),
    Mutation("pipelines/finetuning/layers.py", "pseudo=whole and not alone", "pseudo=whole", HELD),
    Mutation("pipelines/finetuning/judges.py", "material, pseudo=False)", "material, pseudo=True)", ALONE),
    Mutation("pipelines/finetuning/handed.py", "free[material.labelled] = False", "free[[]] = False", HANDED),
    Mutation("pipelines/finetuning/handed.py", "confidence[order])", "confidence)", HANDED),
]
