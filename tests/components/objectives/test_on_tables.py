"""Objectives on views of rows: those of tables and those of any kind of data train 20 steps, resume bit-equal and do
not collapse."""

import copy

import pytest
import torch

from components.encoders.ft_transformer import FtTransformer, FtTransformerConfig
from components.encoders.table_mlp import TableMlp, TableMlpConfig
from components.modalities.table.views import TableViews
from components.objectives import OBJECTIVES as REGISTERED
from components.objectives.barlow import Barlow, BarlowConfig
from components.objectives.base import Batch
from components.objectives.byol import Byol, ByolConfig
from components.objectives.deepclusterv2 import Deepclusterv2, Deepclusterv2Config
from components.objectives.dino import Dino, DinoConfig
from components.objectives.masked_features import MaskedFeatures, MaskedFeaturesConfig
from components.objectives.moco import Moco, MocoConfig
from components.objectives.scarf import Scarf, ScarfConfig
from components.objectives.simclr import Simclr, SimclrConfig
from components.objectives.simsiam import Simsiam, SimsiamConfig
from components.objectives.swav import Swav, SwavConfig
from components.objectives.table_denoising import TableDenoising, TableDenoisingConfig
from components.objectives.vicreg import Vicreg, VicregConfig
from components.objectives.vime import Vime, VimeConfig
from tests.components.modalities.table.toys import mixed, pack

OBJECTIVES = {
    "scarf": (Scarf, ScarfConfig()),
    "vime": (Vime, VimeConfig()),
    "masked_features": (MaskedFeatures, MaskedFeaturesConfig(hidden=32)),
    "table_denoising": (TableDenoising, TableDenoisingConfig(hidden=32)),
    "simclr": (Simclr, SimclrConfig()),
    "vicreg": (Vicreg, VicregConfig(hidden=32, embedding=16)),
    "barlow": (Barlow, BarlowConfig(hidden=32, embedding=16)),
    "byol": (Byol, ByolConfig(hidden=32, embedding=16)),
    "simsiam": (Simsiam, SimsiamConfig(embedding=16, bottleneck=8)),
    "moco": (Moco, MocoConfig(queue=64, embedding=16)),
    "dino": (Dino, DinoConfig(hidden=32, bottleneck=16, outputs=32)),
    "swav": (Swav, SwavConfig(prototypes=12, embedding=16)),
    "deepclusterv2": (Deepclusterv2, Deepclusterv2Config(prototypes=6, embedding=16)),
}
ENCODERS = {
    "table_mlp": lambda packing: TableMlp(TableMlpConfig(width=32, layers=2), packing),
    "ft_transformer": lambda packing: FtTransformer(FtTransformerConfig(width=16, depth=1), packing),
}
STEPS, B = 20, 32


@pytest.fixture(scope="module")
def data():
    rows, packing, _ = pack(mixed(160))
    return torch.from_numpy(rows), packing


class Training:
    def __init__(self, data, name, encoder):
        torch.manual_seed(0)
        self.rows, self.packing = data
        kind, config = OBJECTIVES[name]
        self.encoder = ENCODERS[encoder](self.packing)
        self.objective = kind(config, self.encoder, len(self.rows), self.rows.shape[1])
        self.views = TableViews(self.packing)
        self.roles = self.views.roles(None, None)
        parameters = [*self.encoder.parameters(), *self.objective.parameters()]
        self.optimiser = torch.optim.Adam([p for p in parameters if p.requires_grad], lr=1e-3)
        self.losses = []

    def features(self):
        with torch.no_grad():
            self.encoder.eval()
            found = self.encoder(self.rows)
            self.encoder.train()
        return found

    def run(self, start, stop):
        for step in range(start, stop):
            if step % 5 == 0:
                self.objective.before_epoch(step // 5, self.features)
            torch.manual_seed(step)
            index = (torch.arange(B) + B * (step % 5)) % len(self.rows)
            generator = torch.Generator().manual_seed(step)
            views = [
                self.views.augment(self.rows[index], self.roles[role], generator)
                for role, count in self.objective.views
                for _ in range(count)
            ]
            loss = self.objective(self.encoder, Batch(views, index)).total
            assert loss.isfinite()
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            self.objective.after_step(self.encoder, (step + 1) / STEPS)
            self.losses.append(loss.item())

    def state(self):
        return copy.deepcopy(
            (self.encoder.state_dict(), self.objective.state_dict(), self.optimiser.state_dict())
        )

    def resume(self, state):
        for part, own in zip((self.encoder, self.objective, self.optimiser), state, strict=True):
            part.load_state_dict(own)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("name", OBJECTIVES)
def test_twenty_steps(data, name, encoder):
    training = Training(data, name, encoder)
    training.run(0, 10)
    state = training.state()
    training.run(10, STEPS)
    again = Training(data, name, encoder)
    again.resume(state)
    again.run(10, STEPS)
    assert again.losses == training.losses[10:]
    found = training.objective.exported(training.encoder).eval()(training.rows)
    assert found.std(dim=0).mean() > 1e-3
    assert torch.linalg.matrix_rank(found - found.mean(0)) >= 4


OF_TABLES = [name for name in OBJECTIVES if OBJECTIVES[name][0].needs == "table"]


def test_every_objective_of_tables_is_on_this_list():
    registered = {name for name in REGISTERED if REGISTERED[name].needs == "table"}
    assert registered == set(OF_TABLES)
    assert all(config.name == name for name, (_, config) in OBJECTIVES.items())


@pytest.mark.parametrize("name", OF_TABLES)
class TestObjectivesOfTables:
    def test_gradient_reaches_every_parameter(self, data, name):
        training = Training(data, name, "table_mlp")
        training.run(0, 1)
        for module in (training.encoder, training.objective):
            for key, parameter in module.named_parameters():
                assert parameter.grad is not None, key
                assert parameter.grad.isfinite().all(), key
        assert all(p.grad.abs().sum() > 0 for p in training.encoder.body.parameters())

    def test_bfloat16_autocast_is_finite_and_near_float32(self, data, name):
        training = Training(data, name, "table_mlp")
        views = [training.rows[:B]] * sum(count for _, count in training.objective.views)
        batch = Batch(views, torch.arange(B))
        exact = training.objective(training.encoder, batch).total
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = training.objective(training.encoder, batch).total
        assert loss.dtype == torch.float32
        torch.testing.assert_close(loss, exact, rtol=0.1, atol=0.1)

    def test_rows_that_cannot_be_told_apart_or_are_empty_stay_finite(self, data, name):
        training = Training(data, name, "table_mlp")
        count = sum(count for _, count in training.objective.views)
        for rows in (training.rows[:1].expand(B, -1), torch.full_like(training.rows[:B], torch.nan)):
            loss = training.objective(training.encoder, Batch([rows] * count, torch.arange(B))).total
            loss.backward()
            assert loss.isfinite()
            assert all(p.grad.isfinite().all() for p in training.encoder.parameters() if p.grad is not None)

    def test_a_warm_start_carries_the_state_over(self, data, name):
        parent, child = Training(data, name, "table_mlp"), Training(data, name, "table_mlp")
        parent.run(0, 3)
        child.objective.carry_over(parent.objective.state_dict())
        for key, value in child.objective.state_dict().items():
            assert key == "progress" or torch.equal(value, parent.objective.state_dict()[key]), key
        assert child.objective.progress == 0

    def test_float64(self, data, name):
        training = Training(data, name, "table_mlp")
        training.encoder.double()
        training.objective.double()
        views = [training.rows[:B].double()] * sum(count for _, count in training.objective.views)
        assert training.objective(training.encoder, Batch(views, torch.arange(B))).total.isfinite()


@pytest.mark.parametrize("name", OF_TABLES)
def test_the_order_of_the_batch_does_not_matter(data, name):
    training = Training(data, name, "table_mlp")
    rows = training.rows[:B]
    views = [rows] * sum(count for _, count in training.objective.views)
    order = torch.randperm(B, generator=torch.Generator().manual_seed(0))
    one = training.objective(training.encoder, Batch(views, torch.arange(B))).total
    two = training.objective(
        training.encoder, Batch([view[order] for view in views], torch.arange(B)[order])
    ).total
    torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)
