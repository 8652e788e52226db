"""What a run is named by, and what an upgrade leaves standing."""

from tests.mutations.base import Mutation

CODE, PLAN = ("tests/pipelines/engine/test_code_digest.py",), ("tests/pipelines/stages/plan/test_stage.py",)
FOREIGN = ("tests/components/modalities/test_foreign.py",)
PYFUNC = ("tests/components/registry/test_pyfunc.py",)
ORIGIN = ("tests/pipelines/registry/test_provenance.py",)
SOURCE = ("tests/components/test_source.py",)
TABLES = ("tests/components/test_implementations.py",)
AGAIN = ("tests/pipelines/engine/test_store.py", "-k", "read_again")
RANGE = ("tests/pipelines/stages/plan/test_stage.py", "-k", "range")

MUTATIONS = [
    Mutation("pipelines/engine/code_digest.py", "            and chosen[table]\n", "", CODE),
    Mutation("pipelines/engine/code_digest.py", "            and importer not in of.values()\n", "", CODE),
    Mutation("pipelines/engine/code_digest.py", "node.returns = None", "pass", CODE),
    Mutation("pipelines/engine/code_digest.py", " if not _is_text(statement)]", "][1:]", CODE),
    Mutation("pipelines/engine/code_digest.py", '"use_attribute_docstrings"', '"no"', CODE),
    Mutation("pipelines/engine/code_digest.py", "node.exc = kind", "node.exc = None", CODE),
    Mutation("pipelines/engine/code_digest.py", "sorted(parts) + sorted(foreign)", "sorted(parts)", TABLES),
    Mutation(
        "pipelines/stages/plan/champion_runs.py",
        "run.version == self.version[run.stage] and kept",
        "kept",
        PLAN,
    ),
    Mutation("pipelines/stages/plan/champion_runs.py", 'self.on_code_change == "keep" or', "", PLAN),
    Mutation("pipelines/stages/plan/champion_runs.py", " or not today.made(run)", "", PLAN),
    Mutation("pipelines/stages/plan/earlier_pretraining.py", "and today.same_code(made)", "", PLAN),
    Mutation("pipelines/stages/plan/decision.py", '"pretrain" in facts.other_code', "facts.other_code", PLAN),
    Mutation("components/implementations.py", "if name in self._places:", "if False:", TABLES),
    Mutation("components/registry/pyfunc.py", "re.sub(IMPORTED.format(name)", "re.sub('never'", PYFUNC),
    Mutation("components/registry/pyfunc.py", "(package / ADDED.name).write_text", "str", FOREIGN),
    Mutation(
        "components/registry/pyfunc.py", "            del sys.modules[name]\n", "            pass\n", PYFUNC
    ),
    Mutation(
        "pipelines/engine/code_digest.py",
        "for alias in node.names if alias.asname]",
        "for alias in ()]",
        CODE,
    ),
    Mutation(
        "pipelines/engine/code_digest.py", "_foreign(named, root).values() for name", "[] for name", TABLES
    ),
    Mutation("components/source.py", "for other in node.orelse:", "for other in ():", SOURCE),
    Mutation("components/source.py", "- node.level + 1]", "- node.level]", SOURCE),
    Mutation("pipelines/stages/plan/champion_runs.py", "one.code == other.code", "one.code", PLAN),
    Mutation("pipelines/stages/plan/champion_runs.py", "for run in alike if", "for run in made if", PLAN),
    Mutation("pipelines/registry/provenance.py", "*FILLED.get(stage, ())", "", ORIGIN),
    Mutation("pipelines/engine/run_once.py", ", by_alias=True", "", AGAIN),
    Mutation("pipelines/stages/plan/champion_runs.py", '"warm", "modality")', '"warm")', RANGE),
    Mutation(
        "pipelines/stages/plan/champion_runs.py",
        '("snapshot", "pretrain", "modality")',
        '("snapshot", "pretrain")',
        RANGE,
    ),
]
