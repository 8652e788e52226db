"""What a run is named by, and what an upgrade leaves standing."""

from tests.mutations.base import Mutation

TABLES = ("tests/components/test_implementations.py",)
PLAN = ("tests/pipelines/stages/plan/test_stage.py",)
FOREIGN = ("tests/components/modalities/test_foreign.py",)
AGAIN = ("tests/pipelines/engine/test_store.py", "-k", "read_again")
RANGE = ("tests/pipelines/stages/plan/test_stage.py", "-k", "range")

MUTATIONS = [
    Mutation("code_digest.closure", " and chosen[table] and", " and"),
    Mutation("code_digest.closure", " and importer not in of", ""),
    Mutation("_Bare.visit", "node.returns = None", "pass"),
    Mutation("_Bare.visit", " if not _is_text(statement)]", "][1:]"),
    Mutation("_Bare.visit", '"use_attribute_docstrings"', '"no"'),
    Mutation("_Bare.visit", "node.exc = kind", "node.exc = None"),
    Mutation("code_digest._code_digest", "sorted(parts) + sorted(foreign)", "sorted(parts)", TABLES),
    Mutation("Today.made", "run.version == self.version[run.stage] and kept", "kept", PLAN),
    Mutation("Today.made", 'self.on_code_change == "keep" or', "", PLAN),
    Mutation("ChampionRuns._later", " or not today.made(run)", "", PLAN),
    Mutation("earlier_pretraining.pretrained", "and today.same_code(made)", "", PLAN),
    Mutation("_worth", '"pretrain" in facts.other_code', "facts.other_code", PLAN),
    Mutation("Implementations.__init__", "if name in self._places:", "if False:"),
    Mutation("_ship", "re.sub(IMPORTED.format(name)", "re.sub('never'"),
    Mutation("_ship", "(package / ADDED.name).write_text", "str", FOREIGN),
    Mutation("_importable", "            del sys.modules[name]\n", "            pass\n"),
    Mutation("_Bare.visit", "for alias in node.names if alias.asname]", "for alias in ()]"),
    Mutation("code_digest.closure", "for file in _foreign(named, root).values()", "for file in ()", TABLES),
    Mutation("imported", "for other in node.orelse:", "for other in ():"),
    Mutation("imported", "- node.level + 1]", "- node.level]"),
    Mutation("_alike", "one.code == other.code", "one.code", PLAN),
    Mutation("ChampionRuns.other_code", "for run in alike if", "for run in made if", PLAN),
    Mutation("recipe_text", "*FILLED.get(stage, ())", ""),
    Mutation("run_once.run_once", ", by_alias=True", "", AGAIN),
    Mutation("champion_runs", '"warm", "modality")', '"warm")', RANGE),
    Mutation(
        "ChampionRuns._embeds", '("snapshot", "pretrain", "modality")', '("snapshot", "pretrain")', RANGE
    ),
]
