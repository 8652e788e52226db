"""The Python interface, --json, cards, lineage graph and what to do next."""

from tests.mutations.base import Mutation

API = "tests/pipelines/api/selfsup/"
LOSSES = (f"{API}test_losses.py",)
PACKAGE = (f"{API}test_package.py",)
CLASSIFIER = (f"{API}test_classifier.py", "-m", "not slow")
MODELS = (f"{API}test_models.py",)
JSON = ("tests/pipelines/cli/test_json.py", "-k", "not project and not run_as_json and not mistake_as_json")

MUTATIONS = [
    Mutation(
        "barlow_loss",
        "agreement + redundancy * others",
        "agreement + others",
        ("tests/components/objectives/test_barlow.py", "-m", "not slow"),
    ),
    Mutation(
        "vicreg_loss",
        "variance * spread",
        "spread",
        ("tests/components/objectives/test_vicreg.py", "-m", "not slow"),
    ),
    Mutation(
        "Vicreg.forward", '"invariance", "variance", "covariance"', '"invariance", "covariance"', LOSSES
    ),
    Mutation("losses.NTXent.forward", "temperature=self.temperature", "temperature=0.2", LOSSES),
    Mutation("losses.SupCon.forward", "temperature=self.temperature", "temperature=0.1", LOSSES),
    Mutation("losses.MoCo.forward", "unit(key)", "unit(query)", LOSSES),
    Mutation("losses.MoCo.forward", "if self.training:", "if True:", LOSSES),
    Mutation("losses.SwAV.forward", "unit(view) @", "view @", LOSSES),
    Mutation("losses.SwAV.forward", "scores[:2]", "scores[:1] * 2", LOSSES),
    Mutation(
        "losses.DINO.forward",
        "self.centre, self.teacher_temperature",
        "0.0, self.teacher_temperature",
        LOSSES,
    ),
    Mutation("losses.DINO.forward", "1 - self.centre_momentum", "self.centre_momentum", LOSSES),
    Mutation("losses.LeJEPA.forward", "self.chance.tick()", "pass", LOSSES),
    Mutation("losses.LeJEPA.forward", "weight=self.weight", "weight=0.05", LOSSES),
    Mutation("methods.FixMatch.forward", "mask.float().mean()", "1 - mask.float().mean()", PACKAGE),
    Mutation("SelfSupervisedClassifier.fit", "places[given] = codes", "places[:] = 0", CLASSIFIER),
    Mutation("SelfSupervisedClassifier._recipe", '{"seed": int(self.random_state)}', "{}", CLASSIFIER),
    Mutation("SelfSupervisedClassifier.predict", "self.classes_[self", "np.arange(3)[self", CLASSIFIER),
    Mutation("classifier._unlabelled", " or label == str(UNLABELLED)", "", CLASSIFIER),
    Mutation("local_training.train", ", torch.random.fork_rng()", "", CLASSIFIER),
    Mutation("local_training._snapshot", "(ids, job.labels.tolist(), list(job.classes))", "ids", CLASSIFIER),
    Mutation("local_training._packed", "job.labels).save", "job.labels * 0).save", CLASSIFIER),
    Mutation("selfsup.models._features", 'f"sample {place} of', 'f"sample of', MODELS),
    Mutation(
        "selfsup.models.embed", "encoder(view)[:, : encoder.embedding_dim]", "encoder(view) * 2", MODELS
    ),
    Mutation("cli.answer.answer", "contextlib.redirect_stdout(sys.stderr)", "contextlib.nullcontext()", JSON),
    Mutation(
        "cli.answer.answer",
        "    print_json(made.value)\n    return made.code",
        "    print_json(made.value)\n    return 0",
        JSON,
    ),
    Mutation("cli.answer.give_json", 'leaf.add_argument("--json"', 'leaf.add_argument("--jsn"', JSON),
    Mutation("cli.main.main", "        if arguments.json:\n", "        if False:\n", JSON),
    Mutation("NextSteps.lines", "][:10]", "]"),
    Mutation("next_steps.look", "reverse=True", "reverse=False"),
    Mutation("next_steps._unlabelled", "if not (row", "if (row"),
    Mutation("next_steps._failure", '"code": failed.code or code', '"code": code'),
    Mutation("next_steps._elsewhere", "if recipe.name not in known:", "if False:"),
    Mutation("model_card._per_class", "(1 - LEVEL) / 2", "1 - LEVEL"),
    Mutation("model_card._metrics", "name.endswith(BESIDE)", "name.endswith(BESIDE[:2])"),
    Mutation("model_card._baselines", "-(item[1] or 0.0)", "item[1] or 0.0"),
    Mutation("model_card._limits", "low <= 0:", "low <= -1:"),
    Mutation(
        "data_card.label_counts",
        "table.labelled_rows(), table.test_rows()",
        "table.labelled_rows(), table.labelled_rows()",
    ),
    Mutation("data_card.label_counts", '[] if output.get("masks") else', "[] if False else"),
    Mutation("data_card.table", '.replace("|", "\\\\|")', ""),
    Mutation(
        "lineage_graph.mermaid",
        "{names[above]} --> {names[reference]}",
        "{names[reference]} --> {names[above]}",
    ),
    Mutation("lineage_graph._plain", '.replace(\'"\', "&quot;")', ""),
    Mutation("flows.result.result", 'if registered.get("version") else', "if True else"),
    Mutation(
        "newest_data_card",
        "Index.load(settings.data / name).deliveries",
        "()",
        ("tests/pipelines/flows/test_result.py",),
    ),
    Mutation("next_steps._readable_step", "(ValueError, LookupError, OSError)", "OSError"),
]
