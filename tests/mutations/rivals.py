"""Deliberate errors in the simple models as networks, in what makes a baseline the challenger, and in the methods of
pairs, of mixed features and of corrupted rows."""

from tests.mutations.base import Mutation, mirrored

SIMPLE = "components/evaluation/classification/simple_models.py"
NEIGHBOURS = "components/encoders/neighbours.py"
BOOSTING = "components/modalities/table/baseline.py"
PORTFOLIO = "pipelines/stages/finetune/portfolio.py"
SETFIT = "components/semisupervised/setfit.py"
MIXUP = "components/semisupervised/feature_mixup.py"
MIXING = "components/semisupervised/parts/mixing.py"
VIME = "components/semisupervised/vime_semi.py"
MADE = (mirrored(SIMPLE),)
NEAR = (mirrored(NEIGHBOURS),)
ROUNDS = (mirrored(BOOSTING), "-k", "rounds or choice")
CHOOSE = (mirrored(PORTFOLIO),)
TABLES = ("tests/pipelines/stages/finetune/test_tables.py",)
PAIRS = (mirrored(SETFIT),)
MIXED = (mirrored(MIXUP),)
ROWS = (mirrored(VIME),)
KINDS = ("tests/components/semisupervised/test_every_kind.py", "-k", "refused or kind_has")
CONFIG = ("tests/pipelines/stages/finetune/test_config.py",)

MUTATIONS = [
    Mutation(NEIGHBOURS, "(cosine / temperature).softmax", "(cosine * temperature).softmax", NEAR),
    Mutation(NEIGHBOURS, "(self.k * shares).log1p()", "shares.log1p()", NEAR),
    Mutation(NEIGHBOURS, "- math.log(self.k + self.feature_dim)", "", NEAR),
    Mutation(NEIGHBOURS, "min(k, samples)", "k", NEAR),
    Mutation(NEIGHBOURS, "F.normalize(features.double(), dim=1) @", "features.double() @", NEAR),
    Mutation(NEIGHBOURS, "    class_scores = True", "    class_scores = False", NEAR),
    Mutation("components/encoders/trees.py", "    class_scores = True", "    class_scores = False", TABLES),
    Mutation(SIMPLE, "ABSENT = -20.0", "ABSENT = 20.0", MADE),
    Mutation(SIMPLE, "    bias[present] = 0.0\n", "", MADE),
    Mutation(SIMPLE, "weight[present[1], 0] = 1.0", "weight[present[0], 0] = 1.0", MADE),
    Mutation(SIMPLE, "weight[present, torch.arange", "weight[torch.arange(len(present)), torch.arange", MADE),
    Mutation(SIMPLE, "features=self.features[which]", "features=self.features", MADE),
    Mutation(SIMPLE, "encoder.plain.load_state_dict(shown", "(shown", MADE),
    Mutation(
        SIMPLE,
        "for name in own.maker.simple:",
        "for name in SIMPLE:",
        ("tests/pipelines/stages/evaluate", "-k", "margin"),
    ),
    Mutation(BOOSTING, "found[min(count, len(found)) - 1]", "found[-1]", ROUNDS),
    Mutation(BOOSTING, "max(found, key=lambda one: one[0])", "min(found, key=lambda one: one[0])", ROUNDS),
    Mutation(BOOSTING, '"max_iter": count} if count', '"max_iter": max(rounds)} if count', ROUNDS),
    Mutation(
        PORTFOLIO,
        "best = min(rivals, key=lambda name: (-rivals",
        "best = min(rivals, key=lambda name: (rivals",
        CHOOSE,
    ),
    Mutation(PORTFOLIO, "rivals[name].held.loss))", "-rivals[name].held.loss))", CHOOSE),
    Mutation(
        PORTFOLIO,
        "lead_of(rivals[best].held, served, ERRORS)",
        "lead_of(served, rivals[best].held, ERRORS)",
        CHOOSE,
    ),
    Mutation(PORTFOLIO, '"weight": float(row.name == best)', '"weight": row.weight', CHOOSE),
    Mutation(PORTFOLIO, "if BASELINE not in request.portfolio.challengers:", "if False:", TABLES),
    Mutation(PORTFOLIO, "        if name in wanted:\n", "        if True:\n", TABLES),
    Mutation(
        "pipelines/stages/finetune/cross_fit.py", "if gain <= errors * error", "if gain <= error", CHOOSE
    ),
    Mutation("pipelines/stages/finetune/outliers.py", " or network.encoder.class_scores", "", TABLES),
    Mutation("pipelines/registry/candidates.py", '    "boosting": "boosting_plain",\n', "", TABLES),
    Mutation("pipelines/stages/evaluate/metrics.py", '"boosting_plain", ', "", TABLES),
    Mutation(
        "pipelines/stages/finetune/linear_models.py", "if BASELINE in config.challengers", "if True", TABLES
    ),
    Mutation(
        "pipelines/stages/finetune/config.py",
        "            if name not in there:",
        "            if False:",
        CONFIG,
    ),
    Mutation("components/modalities/table/views.py", '    pooled = ("boosting",)', "    pooled = ()", TABLES),
    Mutation(PORTFOLIO, "(1 - sum(given.values()))", "1", CHOOSE),
    Mutation(PORTFOLIO, "if config.favour is not None else favoured", "if config.favour else {}", CHOOSE),
    Mutation(SETFIT, "(1 - cosine).square()", "(1 + cosine).square()", PAIRS),
    Mutation(SETFIT, "(rows.unsqueeze(1) != row)\n        pairs", "1\n        pairs", PAIRS),
    Mutation(SETFIT, "(pairs * (1 - classes @ classes.T))", "(pairs * (classes @ classes.T))", PAIRS),
    Mutation(SETFIT, "(drawn + parted) / 2", "(drawn + parted)", PAIRS),
    Mutation(SETFIT, "self.head(features.detach())", "self.head(features)", PAIRS),
    Mutation(SETFIT, "self.progress < self.config.until", "self.progress < 2", PAIRS),
    Mutation(SETFIT, "other.clamp_min(1e-12)", "other", PAIRS),
    Mutation(
        MIXING,
        "mixed(features, gather(features)[other], share)",
        "mixed(features, gather(features.detach())[other], share)",
        MIXED,
    ),
    Mutation(MIXING, "mixed(targets, theirs, share)", "targets", MIXED),
    Mutation(MIXING, "LABELLED, UNLABELLED = 11, 21", "LABELLED, UNLABELLED = 11, 11", MIXED),
    Mutation(MIXUP, "at_least_float32(guessed.detach())", "at_least_float32(guessed)", MIXED),
    Mutation(MIXUP, "parts.weights.unsqueeze(1)", "1", MIXED),
    Mutation(MIXUP, "weights=torch.ones_like(parts.weights)", "weights=parts.weights", MIXED),
    Mutation(MIXUP, "        self.chance.tick()", "        pass", MIXED),
    Mutation(VIME, "correction=0", "correction=1", ROWS),
    Mutation(VIME, "torch.stack(others.chunk(", "torch.stack(others.detach().chunk(", ROWS),
    Mutation(VIME, 'needs = "table"', 'needs = "any"', KINDS),
]
