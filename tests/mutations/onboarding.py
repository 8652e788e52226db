"""Deliberate errors in what a newcomer meets first: init, check, and what they say."""

from tests.mutations.base import Mutation

CHECK = ("tests/pipelines/flows/test_recipe_check.py",)

MUTATIONS = [
    Mutation("recipe_check.mistakes", "told = wrong.keys() - own.keys()", "told = set()"),
    Mutation("recipe_check.mistakes", "wrong.keys() - own.keys()", "wrong.keys()"),
    Mutation("recipe_check.mistakes", '[] if "task" in told else [str(error)]', "[str(error)]"),
    Mutation("recipe_check._keys", "fields - filled - SHARED.keys()", "fields"),
    Mutation("config.explain", 'if parts else ""', "", CHECK),
]
