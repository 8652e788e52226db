"""What a run is named by, and what an upgrade leaves standing."""

from tests.mutations.base import Mutation

CODE, PLAN = ("tests/pipelines/test_code.py",), ("tests/pipelines/stages/test_plan.py",)
TABLES = ("tests/components/test_implementations.py",)

MUTATIONS = [
    Mutation("pipelines/code.py", "            and chosen[table]\n", "", CODE),
    Mutation("pipelines/code.py", "            and importer not in of.values()\n", "", CODE),
    Mutation("pipelines/code.py", "node.returns = None", "pass", CODE),
    Mutation("pipelines/code.py", "node.exc = kind", "node.exc = None", CODE),
    Mutation("pipelines/code.py", "sorted(parts) + _foreign(named)", "sorted(parts)", TABLES),
    Mutation(
        "pipelines/planning/standing.py", "run.version == self.version[run.stage] and kept", "kept", PLAN
    ),
    Mutation("pipelines/planning/standing.py", 'self.on_code_change == "keep" or', "", PLAN),
    Mutation("pipelines/planning/standing.py", " or not today.made(run)", "", PLAN),
    Mutation("pipelines/planning/pretrained.py", "and today.same_code(made)", "", PLAN),
    Mutation("pipelines/planning/verdict.py", '"pretrain" in facts.other_code', "facts.other_code", PLAN),
    Mutation("components/implementations.py", "if entry.name in self._places:", "if False:", TABLES),
]
