"""Deliberate errors in what a recipe's views are, and in what objectives do with them."""

from tests.mutations.base import Mutation

ROLES, TILES = "components/modalities/image/views.py", "components/objectives/parts/tiles.py"
OBJECTIVES = "tests/components/objectives"
OF_ROLES = ("tests/components/modalities/image/test_views.py",)
PRETRAIN = ("tests/pipelines/stages/test_pretrain.py", "-k", "no_size or size_of_the_views")
WARM = ("tests/pipelines/stages/test_warm_start.py", "-k", "refused")
BUILT = ("tests/pipelines/flows/test_build_check.py",)
CHECK = ("tests/pipelines/flows/test_recipe_check.py", "-k", "views")
CONFIG = ("tests/pipelines/stages/finetune/test_config.py",)
CHOOSE = ("tests/pipelines/onboarding/test_choose.py", "-k", "every_trial")
SOURCE = ("tests/components/training/test_view_source.py",)
JIGSAW, LOCATION = ((f"{OBJECTIVES}/test_{name}.py",) for name in ("jigsaw", "location"))
EVERY = (f"{OBJECTIVES}/test_every_objective.py", "-k", "tables_and_texts or come_first")

MUTATIONS = [
    Mutation(ROLES, 'config if "size" in config.model_fields_set else ', "", OF_ROLES),
    Mutation(ROLES, "_sized(local, half)", "_sized(local, size)", OF_ROLES),
    Mutation(ROLES, "whole.size // 2 // patch", "size // 2 // patch", OF_ROLES),
    Mutation(ROLES, "max(1, whole.size // 2 // patch) * patch", "max(1, whole.size // 2)", OF_ROLES),
    Mutation(ROLES, "min(SMALLEST, begins)", "SMALLEST", OF_ROLES),
    Mutation(ROLES, "min(LARGEST, begins)", "begins", OF_ROLES),
    *(
        Mutation(ROLES, f'"{name}": {value}', f'"{other}": {number}', OF_ROLES)
        for name, value, other, number in (
            ("jitter", "0.0", "gamma", "0.1"),
            ("grayscale", "0.0", "hue", "0.0"),
            ("blur", "0.0", "hue", "0.0"),
            ("solarise", "0.0", "hue", "0.0"),
            ("erase", "0.0", "hue", "0.0"),
            ("randaugment", "0", "hue", "0.0"),
            ("cutout", "0.0", "hue", "0.0"),
        )
    ),
    Mutation("components/training/view_source.py", "self.views[role]", 'self.views["global"]', SOURCE),
    Mutation("components/training/collapse_check.py", "spec[0][0], 2", "spec[-1][0], 2", SOURCE),
    Mutation(
        "components/training/setup.py", 'given.samples.views.length(given.views["global"])', "1", PRETRAIN
    ),
    Mutation("pipelines/stages/pretrain.py", "roles(policy or request.views", "roles(policy", PRETRAIN),
    Mutation("pipelines/stages/pretrain.py", '("views", parent', '("views", asked', WARM),
    Mutation(
        "pipelines/stages/pretrain.py",
        '("local_views", parent.request["local_views"]',
        '("local_views", asked["local_views"]',
        WARM,
    ),
    Mutation(
        "pipelines/stages/finetune/config.py", '("weak", "strong"), ("views",)', '("weak", "strong")', CONFIG
    ),
    Mutation(
        "components/modalities/views.py", "if field not in fields or not isinst", "if not isinst", CONFIG
    ),
    Mutation("components/modalities/views.py", "dict.fromkeys((*fields, *named))", "fields", CONFIG),
    Mutation("pipelines/flows/build_check.py", "maker.augment(blank, roles[role], chance)", "blank", BUILT),
    Mutation(
        "pipelines/flows/recipe_check.py", "asked.views, asked.local_views)", "asked.views, None)", CHECK
    ),
    Mutation("pipelines/onboarding/choose.py", ", asked.local_views, patch_of(", ", None, patch_of(", CHOOSE),
    Mutation(
        "components/objectives/parts/multicrop.py",
        '(("global", 2), ("local", locals_))',
        '(("local", locals_), ("global", 2))',
        EVERY,
    ),
    Mutation("components/objectives/rotation.py", 'needs = "image"', 'needs = "any"', EVERY),
    Mutation("components/objectives/mae.py", 'needs = "patches"', 'needs = "maps"', BUILT),
    Mutation(TILES, "if x.shape[3] >= side:", "if True:", (f"{OBJECTIVES}/parts/test_tiles.py",)),
    Mutation(TILES, "align_corners=False", "align_corners=True", (f"{OBJECTIVES}/parts/test_tiles.py",)),
    Mutation("components/objectives/jigsaw.py", "-(-size // self.grid)", "size // self.grid", JIGSAW),
    Mutation("components/objectives/jigsaw.py", "enlarged(x, config.grid * cell)", "enlarged(x, 36)", JIGSAW),
    Mutation("components/objectives/location.py", "max(self.gap, 2 * self.jitter)", "self.gap", LOCATION),
    Mutation("components/objectives/location.py", ", self.config.smallest)", ", 0)", LOCATION),
]
