"""Deliberate errors in the figures without labels, the verdict on them, the rule for defaults, the choice."""

from tests.mutations.base import Mutation

MUTATIONS = [
    Mutation(
        "decay",
        "return -float((x * y).sum() / x.square().sum())",
        "return float((x * y).sum() / x.square().sum())",
    ),
    Mutation("decay", "first = last // 5", "first = 0"),
    Mutation(
        "spectrum.spectrum",
        "torch.linalg.svdvals(x - x.mean(dim=0)).square()",
        "torch.linalg.svdvals(x).square()",
    ),
    Mutation("lidar", " - within / q\n", "\n"),
    Mutation("lidar", "centres = x.mean(dim=1)", "centres = x.mean(dim=0)"),
    Mutation("correlation", ".abs().sum() - count)", ".sum() - count)"),
    Mutation("churn.churn", "(before != now)", "(before == now)"),
    Mutation("nearest_anchor", " - x.mean(dim=0), dim=1)", ", dim=1)"),
    Mutation("_of_itself", "< SILENT", "< 0"),
    Mutation("_of_itself", "apart < SAME", "apart > SAME"),
    Mutation("_of_itself", "used < ALONE", "used < 0"),
    Mutation(
        "learning_rate",
        'math.sqrt(ratio) if optimiser == "adamw" else ratio',
        'ratio if optimiser == "adamw" else math.sqrt(ratio)',
    ),
    Mutation("queue_of", "(BALANCE * prototypes - batch)", "(prototypes - batch)"),
    Mutation("queue_of", "samples // 4 // batch", "samples // batch"),
    Mutation("defaults.numbers", "0.05 if samples >= MANY else 0.03", "0.05"),
    Mutation("candidates._suited", "(balances or field not in BALANCED)", "True"),
    Mutation("candidate", 'classes if classes and name == "scan" else', ""),
    Mutation("candidate", "epochs=train.epochs", "epochs=9"),
    Mutation("kendall", "(a * b > 0) - (a * b < 0)", "(a * b > 0)"),
    Mutation("choose.score", "- abs(figures", "+ abs(figures"),
]
