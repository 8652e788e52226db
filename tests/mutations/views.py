"""Deliberate errors in what a recipe's views are, and in what objectives do with them."""

from tests.mutations.base import Mutation

SOURCE = ("tests/components/training/test_view_source.py",)
PRETRAIN = ("tests/pipelines/stages/test_pretrain.py", "-k", "no_size or size_of_the_views")
WARM = ("tests/pipelines/stages/test_warm_start.py", "-k", "refused")
CONFIG = ("tests/pipelines/stages/finetune/test_config.py",)
CHECK = ("tests/pipelines/flows/test_recipe_check.py", "-k", "views")
CHOOSE = ("tests/pipelines/onboarding/test_choose.py", "-k", "every_trial")
EVERY = ("tests/components/objectives/test_every_objective.py", "-k", "tables_and_texts or come_first")
BUILT = ("tests/pipelines/flows/test_build_check.py",)

MUTATIONS = [
    Mutation("_sized", 'config if "size" in config.model_fields_set else ', ""),
    Mutation("ImageViews.roles", "_sized(local, half)", "_sized(local, size)"),
    Mutation("ImageViews.roles", "whole.size // 2 // patch", "size // 2 // patch"),
    Mutation("ImageViews.roles", "max(1, whole.size // 2 // patch) * patch", "max(1, whole.size // 2)"),
    Mutation("ImageViews.roles", "min(SMALLEST, begins)", "SMALLEST"),
    Mutation("ImageViews.roles", "min(LARGEST, begins)", "begins"),
    Mutation("image.views", '"jitter": 0.0', '"gamma": 0.1'),
    Mutation("image.views", '"grayscale": 0.0', '"hue": 0.0'),
    Mutation("image.views", '"blur": 0.0', '"hue": 0.0'),
    Mutation("image.views", '"solarise": 0.0', '"hue": 0.0'),
    Mutation("image.views", '"erase": 0.0', '"hue": 0.0'),
    Mutation("image.views", '"randaugment": 0', '"hue": 0.0'),
    Mutation("image.views", '"cutout": 0.0', '"hue": 0.0'),
    Mutation("ViewSource.augmented", "self.views[role]", 'self.views["global"]'),
    Mutation("Look.__call__", "spec[0][0], 2", "spec[-1][0], 2", SOURCE),
    Mutation("setup.begin", 'given.samples.views.length(given.views["global"])', "1", PRETRAIN),
    Mutation("pretrain.run", "roles(policy or request.views", "roles(policy", PRETRAIN),
    Mutation("pretrain._fits", '("views", parent', '("views", asked', WARM),
    Mutation(
        "pretrain._fits",
        '("local_views", parent.request["local_views"]',
        '("local_views", asked["local_views"]',
        WARM,
    ),
    Mutation("FinetuneConfig._views_of_the_modality", '("weak", "strong"), ("views",)', '("weak", "strong")'),
    Mutation("views_for", "if field not in fields or not isinst", "if not isinst", CONFIG),
    Mutation("views_for", "dict.fromkeys((*fields, *named))", "fields", CONFIG),
    Mutation("build_mistake", "maker.augment(blank, roles[role], chance)", "blank"),
    Mutation("recipe_check.mistakes", "asked.views, asked.local_views)", "asked.views, None)", CHECK),
    Mutation("prepared", ", asked.local_views, patch_of(", ", None, patch_of(", CHOOSE),
    Mutation(
        "multicrop.multicrop",
        '(("global", 2), ("local", locals_))',
        '(("local", locals_), ("global", 2))',
        EVERY,
    ),
    Mutation("Rotation", 'needs = "image"', 'needs = "any"', EVERY),
    Mutation("Mae", 'needs = "patches"', 'needs = "maps"', BUILT),
    Mutation("enlarged", "if x.shape[3] >= side:", "if True:"),
    Mutation("enlarged", "align_corners=False", "align_corners=True"),
    Mutation("JigsawConfig.sides", "-(-size // self.grid)", "size // self.grid"),
    Mutation("Jigsaw.forward", "enlarged(x, config.grid * cell)", "enlarged(x, 36)"),
    Mutation("LocationConfig.smallest", "max(self.gap, 2 * self.jitter)", "self.gap"),
    Mutation("Location.forward", ", self.config.smallest)", ", 0)"),
]
