"""Deliberate errors in the simple models as networks, in what makes a baseline the challenger, and in the methods of
pairs, of mixed features and of corrupted rows."""

from tests.mutations.base import Mutation

TABLES = ("tests/pipelines/stages/finetune/test_tables.py",)
EVALUATE = ("tests/pipelines/stages/evaluate", "-k", "margin")
ROUNDS = ("tests/components/modalities/table/test_baseline.py", "-k", "rounds or choice")
CHOOSE = ("tests/pipelines/stages/finetune/test_portfolio.py",)
MIXED = ("tests/components/semisupervised/test_feature_mixup.py",)
KINDS = ("tests/components/semisupervised/test_every_kind.py", "-k", "refused or kind_has")

MUTATIONS = [
    Mutation("weighted_votes", "(cosine / temperature).softmax", "(cosine * temperature).softmax"),
    Mutation("Neighbours.votes", "(self.k * shares).log1p()", "shares.log1p()"),
    Mutation("Neighbours.votes", "- math.log(self.k + self.feature_dim)", ""),
    Mutation("Neighbours.__init__", "min(k, samples)", "k"),
    Mutation("Neighbours.votes", "F.normalize(features.double(), dim=1) @", "features.double() @"),
    Mutation("neighbours.Neighbours", "    class_scores = True", "    class_scores = False"),
    Mutation("Trees", "    class_scores = True", "    class_scores = False", TABLES),
    Mutation("classification.simple_models", "ABSENT = -20.0", "ABSENT = 20.0"),
    Mutation("simple_models.boosting", "    bias[present] = 0.0\n", ""),
    Mutation("simple_models.boosting", "weight[present[1], 0] = 1.0", "weight[present[0], 0] = 1.0"),
    Mutation(
        "simple_models.boosting",
        "weight[present, torch.arange",
        "weight[torch.arange(len(present)), torch.arange",
    ),
    Mutation("Shown.take", "features=self.features[which]", "features=self.features"),
    Mutation("simple_models.neighbours", "encoder.plain.load_state_dict(shown", "(shown"),
    Mutation(
        "simple_models.on_plain_features", "for name in own.maker.simple:", "for name in SIMPLE:", EVALUATE
    ),
    Mutation("_likelihoods", "found[min(count, len(found)) - 1]", "found[-1]", ROUNDS),
    Mutation("_tuned", "max(found, key=lambda one: one[0])", "min(found, key=lambda one: one[0])", ROUNDS),
    Mutation("_tuned", '"max_iter": count} if count', '"max_iter": max(rounds)} if count', ROUNDS),
    Mutation(
        "ahead", "best = min(rivals, key=lambda name: (-rivals", "best = min(rivals, key=lambda name: (rivals"
    ),
    Mutation("ahead", "rivals[name].held.loss))", "-rivals[name].held.loss))"),
    Mutation(
        "ahead", "lead_of(rivals[best].held, served, ERRORS)", "lead_of(served, rivals[best].held, ERRORS)"
    ),
    Mutation("_instead", '"weight": float(row.name == best)', '"weight": row.weight'),
    Mutation("rivals_of", "if BASELINE not in request.portfolio.challengers:", "if False:", TABLES),
    Mutation("candidates_of", "        if name in wanted:\n", "        if True:\n", TABLES),
    Mutation("lead_of", "if gain <= errors * error", "if gain <= error", CHOOSE),
    Mutation("outliers.ordinary_of", " or network.encoder.class_scores", "", TABLES),
    Mutation("registry.candidates", '    "boosting": "boosting_plain",\n', "", TABLES),
    Mutation("evaluate.metrics", '"boosting_plain", ', "", TABLES),
    Mutation("simple_names", "if BASELINE in config.challengers", "if True", TABLES),
    Mutation(
        "FinetuneConfig._candidates_of_the_modality",
        "            if name not in there:",
        "            if False:",
    ),
    Mutation("TableViews", '    pooled = ("boosting",)', "    pooled = ()", TABLES),
    Mutation("prior", "(1 - sum(given.values()))", "1"),
    Mutation(
        "finetune.portfolio.weigh", "if config.favour is not None else favoured", "if config.favour else {}"
    ),
    Mutation("pair_loss", "(1 - cosine).square()", "(1 + cosine).square()"),
    Mutation("pair_loss", "(rows.unsqueeze(1) != row)\n        pairs", "1\n        pairs"),
    Mutation("pair_loss", "(pairs * (1 - classes @ classes.T))", "(pairs * (classes @ classes.T))"),
    Mutation("pair_loss", "(drawn + parted) / 2", "(drawn + parted)"),
    Mutation("Setfit.forward", "self.head(features.detach())", "self.head(features)"),
    Mutation("Setfit.forward", "self.progress < self.config.until", "self.progress < 2"),
    Mutation("pair_loss", "other.clamp_min(1e-12)", "other"),
    Mutation(
        "mix_features",
        "mixed(features, gather(features)[other], share)",
        "mixed(features, gather(features.detach())[other], share)",
        MIXED,
    ),
    Mutation("mix_features", "mixed(targets, theirs, share)", "targets", MIXED),
    Mutation("mixing", "LABELLED, UNLABELLED = 11, 21", "LABELLED, UNLABELLED = 11, 11", MIXED),
    Mutation("FeatureMixup.forward", "at_least_float32(guessed.detach())", "at_least_float32(guessed)"),
    Mutation("FeatureMixup.forward", "parts.weights.unsqueeze(1)", "1"),
    Mutation("FeatureMixup.forward", "weights=torch.ones_like(parts.weights)", "weights=parts.weights"),
    Mutation("FeatureMixup.after_step", "        self.chance.tick()", "        pass"),
    Mutation("variance", "correction=0", "correction=1"),
    Mutation("VimeSemi.forward", "torch.stack(others.chunk(", "torch.stack(others.detach().chunk("),
    Mutation("VimeSemi", 'needs = "table"', 'needs = "any"', KINDS),
]
