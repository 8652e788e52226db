"""The reference of a recipe's keys and `selfsup explain`."""

from tests.mutations.base import Mutation

PAGE = ("tests/pipelines/onboarding/test_reference.py",)
KINDS = ("tests/pipelines/onboarding/test_reference.py", "-k", "kind_of_data")
TEXT = ("tests/pipelines/onboarding/test_value_text.py",)

MUTATIONS = [
    Mutation("components/config.py", "use_attribute_docstrings=True", "use_attribute_docstrings=False", PAGE),
    Mutation(
        "components/objectives/swav.py",
        '    """Entropy regularisation of Sinkhorn; smaller values give sharper codes (published: 0.05)."""\n',
        "",
        PAGE,
    ),
    Mutation(
        "pipelines/onboarding/reference.py",
        "value = own if given is None else getattr(given, name)",
        "value = own",
        PAGE,
    ),
    Mutation("pipelines/onboarding/reference.py", "if rest[0] in kind.children():", "if False:", PAGE),
    Mutation("pipelines/onboarding/reference.py", "filled=said in filled", "filled=False", PAGE),
    Mutation("pipelines/onboarding/reference.py", "_, group = targets[0]", "group = name", KINDS),
    Mutation(
        "pipelines/onboarding/reference.py",
        'kind if "name" in config.model_fields else f"{name} of {kind}"',
        "kind",
        KINDS,
    ),
    Mutation("pipelines/onboarding/reference.py", "said = field.alias or name", "said = name", PAGE),
    Mutation("pipelines/onboarding/value_text.py", '(Lt, "lt", "<")', '(Lt, "lt", "<=")', TEXT),
    Mutation("pipelines/onboarding/value_text.py", "exclude_defaults=True", "exclude_defaults=False", TEXT),
]
