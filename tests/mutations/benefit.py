"""Deliberate errors in what says whether a method is worth it, and in distillation."""

from tests.mutations.base import Mutation

THIRD = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "third_step")
ADVICE = ("tests/pipelines/stages/evaluate/test_classification.py", "-k", "advice")
GATE = ("tests/pipelines/registry/test_gate_checks.py", "-k", "hurts")
HELD = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "held_out")
ALONE = ("tests/pipelines/stages/finetune/test_classification.py", "-k", "alone")

MUTATIONS = [
    Mutation(
        "distillation_loss",
        "(at_least_float32(teacher).detach() / temperature)",
        "at_least_float32(teacher).detach()",
    ),
    Mutation("distillation_loss", "at_least_float32(teacher).detach()", "at_least_float32(teacher)"),
    Mutation("distillation_loss", "return -(target", "return (target"),
    Mutation("distillation_loss", "log_softmax(dim=1)).sum(dim=1)", "log_softmax(dim=0)).sum(dim=1)"),
    Mutation(
        "semisupervised.distillation.Distillation.forward",
        "alpha * imitation + (1 - alpha) * supervised",
        "imitation + supervised",
    ),
    Mutation("semisupervised.distillation.Distillation.train", "        self.teacher.eval()\n", ""),
    Mutation("Distillation.learn_from", "teacher_of(teacher).eval()", "teacher.eval()"),
    Mutation(
        "finetune.fit", "method.learn_from(job.teacher or nn.Sequential(encoder, method.head))", "pass", THIRD
    ),
    Mutation("confirming", "fall.low > 0 and loss.low > 0", "fall.low > 0"),
    Mutation("surest", "np.argsort(-p.max", "np.argsort(p.max"),
    Mutation("_less", "v * len(first) / sure", "v"),
    Mutation("kappa.kappa", "right - dealt, 1 - dealt", "right - dealt, 1 - 0 * dealt"),
    Mutation("kappa.kappa", "/ total**2", "/ total"),
    Mutation("benefit.verdict", "if difference.high < 0", "if difference.low < 0"),
    Mutation("measure_benefit", "rival = min(", "rival = max("),
    Mutation("benefit._chance", "if kappa.low > 0", "if kappa.value > 0"),
    Mutation("_without", "row.name == METHOD), 0.0)", "row.name), 0.0)"),
    Mutation("_without", "portfolio.served == METHOD:", "False:"),
    Mutation("_without", "portfolio.served != COMMITTEE:", "False:"),
    Mutation("classification._judged", "portfolio=found.portfolio, **how", "portfolio=None, **how", ADVICE),
    Mutation("method", '.get("high"), 0.0, what)', '.get("low"), 0.0, what)', GATE),
    Mutation("trainings.finetune", "pseudo=whole and not alone", "pseudo=whole", HELD),
    Mutation("first_look", "material, pseudo=False)", "material, pseudo=True)", ALONE),
    Mutation("champion_labels.filled", "free[material.labelled] = False", "free[[]] = False"),
    Mutation("champion_labels.filled", "confidence[order])", "confidence)"),
]
