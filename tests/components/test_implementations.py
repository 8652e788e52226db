"""The tables of implementations, and a package that adds to one."""

import subprocess
import sys
from typing import Literal

import pytest

from components.config import Config
from components.encoders import ENCODERS
from components.errors import UserError
from components.implementations import Implementations, configs_of, name_of
from components.modalities.packing import PACKINGS
from components.modalities.registry import MODALITIES
from components.modalities.views import VIEW_MAKERS
from components.objectives import OBJECTIVES
from components.semisupervised import METHODS
from tests.examples import install


class One(Config):
    name: Literal["one"] = "one"


class Other(Config):
    name: Literal["other"] = "other"


def test_what_it_takes_first_is_its_configuration():
    def function(config: One | Other, size: int) -> int:
        return size

    class Inherits(dict):
        config: Other

    assert configs_of(function) == (One, Other)
    assert configs_of(Inherits) == (Other,)
    with pytest.raises(TypeError, match="has to be a configuration"):
        configs_of(abs)
    assert name_of(Other()) == "other"


@pytest.mark.parametrize("table", [OBJECTIVES, ENCODERS, METHODS, MODALITIES], ids=lambda table: table.group)
def test_every_line_of_a_table_carries_the_name_of_its_configuration(table):
    for name in table:
        names = {n for kind in configs_of(table[name]) for n in kind.model_fields["name"].annotation.__args__}
        assert name in names


def test_every_kind_of_data_has_a_line_in_each_of_its_tables():
    assert set(MODALITIES) == set(VIEW_MAKERS) == set(PACKINGS)
    for name in PACKINGS:
        assert PACKINGS[name].model_fields["name"].default == name


def test_a_line_of_ours_that_leads_nowhere_is_an_error_where_it_is_asked_for():
    table = Implementations("components.objectives", "selfsup.none", {"gone": "nowhere:Gone"})
    with pytest.raises(ModuleNotFoundError):
        table["gone"]


class Entry:
    def __init__(self, name, value):
        self.name, self.value = name, value


def test_a_name_that_is_taken_and_a_place_that_leads_nowhere_are_told(monkeypatch):
    from components import implementations

    def installed(*entries):
        monkeypatch.setattr(implementations, "entry_points", lambda group: entries)
        return Implementations("components.objectives", "selfsup.objectives", {"swav": "swav:Swav"})

    with pytest.raises(
        UserError, match=r"the name 'swav' is taken by components.objectives.swav:Swav; give it another"
    ):
        installed(Entry("swav", "mine:Swav"))
    with pytest.raises(
        UserError, match=r"entry point mine:Swav in selfsup.objectives: No module named 'mine'"
    ):
        installed(Entry("mine", "mine:Swav"))["mine"]


USE = """
import sys; sys.path.insert(0, sys.argv[1])
import math, torch
from pydantic import TypeAdapter
from components.encoders import EncoderConfig, build_encoder
from components.modalities.image.config import image_packing
from components.objectives import OBJECTIVES, ObjectiveConfig, build_objective
from components.objectives.base import Batch
from pipelines.engine.code_digest import code_digest

config = TypeAdapter(ObjectiveConfig).validate_python({"name": "align_uniform", "embedding": 8})
small = TypeAdapter(EncoderConfig).validate_python({"name": "resnet", "widths": [4], "blocks": [1]})
torch.manual_seed(0)
encoder = build_encoder(small, image_packing(1, [0.5], [0.5]))
objective = build_objective(config, encoder, 4, 8)
views = [torch.rand(4, 1, 8, 8), torch.rand(4, 1, 8, 8)]
losses = objective(encoder, Batch(views=views, index=torch.arange(4)))
losses.total.backward()
assert all(p.grad is not None for p in encoder.parameters())

from align_uniform import alignment, uniformity
right = torch.eye(2)
assert math.isclose(alignment(right, right.flip(0)), 2.0)
assert math.isclose(uniformity(right), -4.0, rel_tol=1e-6)  # one pair, a squared distance of 2

digests = [code_digest("pretrain", {"objective": {"name": name}}) for name in ("align_uniform", "swav")]
with open(sys.argv[1] + "/align_uniform.py", "a") as file:
    file.write("CHANGED = 1\\n")
sys.modules["pipelines.engine.code_digest"]._code_digest.cache_clear()
again = [code_digest("pretrain", {"objective": {"name": name}}) for name in ("align_uniform", "swav")]
assert (digests[0] != again[0], digests[1] == again[1]) == (True, True)
digest = sys.modules["pipelines.engine.code_digest"]
reached = digest.closure("embed", frozenset(["align_uniform"]))  # what the package builds on is reached by its imports
assert "components.objectives.parts.two_views" in reached
assert "components.objectives.parts.two_views" not in digest.closure("embed")
print(len(OBJECTIVES))
"""


def test_a_package_of_a_user_adds_an_objective(tmp_path):
    installed = install("align_uniform", tmp_path)
    made = subprocess.run([sys.executable, "-c", USE, str(installed)], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"{len(OBJECTIVES) + 1}\n"
