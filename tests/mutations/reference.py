"""The reference of a recipe's keys and `selfsup explain`."""

from tests.mutations.base import Mutation

PAGE = ("tests/pipelines/onboarding/test_reference.py",)
KINDS = ("tests/pipelines/onboarding/test_reference.py", "-k", "kind_of_data")

MUTATIONS = [
    Mutation("Config", "use_attribute_docstrings=True", "use_attribute_docstrings=False", PAGE),
    Mutation(
        "SwavConfig",
        '    """Entropy regularisation of Sinkhorn; smaller values give sharper codes (published: 0.05)."""\n',
        "",
        PAGE,
    ),
    Mutation("reference._fields", "value = own if given is None else getattr(given, name)", "value = own"),
    Mutation("reference._nearest", "if rest[0] not in below:", "if False:"),
    Mutation("reference._nodes", "for kind in node.kinds()", "for kind in node.kinds()[:1]"),
    Mutation("Node.kinds", "if self.key in GRAPH:", "if False:"),
    Mutation("reference._fields", "filled=said in filled", "filled=False"),
    Mutation("reference._table", "_, group = targets[0]", "group = name", KINDS),
    Mutation("_sections", 'kind if "name" in config.model_fields else f"{name} of {kind}"', "kind", KINDS),
    Mutation("reference._fields", "said = field.alias or name", "said = name"),
    Mutation("onboarding.value_text", '(Lt, "lt", "<")', '(Lt, "lt", "<=")'),
    Mutation("value_text._written", "exclude_defaults=True", "exclude_defaults=False"),
]
