"""Processes that share a batch: how many, what their gradients are, and that a killed one costs no figure."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from components.collectives import rank, world
from components.data.packed import PackedArray
from components.encoders import build_encoder
from components.encoders.norm import BatchNorm, synchronise
from components.encoders.resnet import ResnetConfig
from components.errors import UserError
from components.forks import RESTARTS, WorkerDiedError
from components.modalities.image.augment import ViewConfig
from components.modalities.image.config import image_packing
from components.modalities.image.views import ImageViews
from components.objectives import build_objective
from components.objectives.base import Batch, Losses, Objective
from components.objectives.simclr import SimclrConfig
from components.training.data_parallel import Gradients, how_many, processes_for, together
from components.training.device import place
from components.training.learner import Learner, parallel
from components.training.loop import TrainConfig, train
from components.training.view_source import ViewSource

CPU = place("cpu", "float32")


@pytest.mark.parametrize(
    ("cores", "batches", "expected"),
    [
        (1, (256,), 1),
        (2, (256,), 2),
        (3, (256,), 2),  # an equal part each
        (64, (256,), 8),  # at least 32 samples each
        (2, (255,), 1),  # odd
        (3, (255,), 3),
        (2, (40,), 1),  # too small to share
        (2, (64,), 2),
        (4, (50, 300), 2),  # labelled and unlabelled, each divided
        (64, (50, 300), 10),
        (2, (64, 0), 2),  # labels alone
        (2, (1,), 1),
    ],
)
def test_how_many_processes_share_a_batch(cores: int, batches: tuple[int, ...], expected: int) -> None:
    assert processes_for(cores, *batches) == expected


def test_gradients_are_the_mean_over_processes() -> None:
    """One parameter is used by both, one by the first alone, one by none; convolutions keep their memory order."""

    def work() -> list[Tensor | None]:
        both, one, none = (nn.Parameter(torch.zeros(2, 3)) for _ in range(3))
        conv = nn.Parameter(torch.zeros(4, 3, 2, 2).to(memory_format=torch.channels_last))
        frozen = nn.Parameter(torch.zeros(5), requires_grad=False)
        gradients = Gradients([both, one, none, conv, frozen])
        weights = torch.arange(48.0).reshape(4, 3, 2, 2)
        for _ in range(2):  # the second step begins from the buffer of the first
            for p in (both, one, none, conv):
                p.grad = None
            loss = (rank() + 1) * both.sum() + ((rank() + 1) * weights * conv).sum()
            (loss + (3 * one.sum() if rank() == 0 else 0)).backward()
            gradients.average()
        assert conv.grad is not None
        assert conv.grad.is_contiguous(memory_format=torch.channels_last)
        assert frozen.grad is None
        return [both.grad, one.grad, none.grad, conv.grad]

    both, one, none, conv = together(work, 2)
    assert torch.equal(both, torch.full((2, 3), 1.5))  # type: ignore[arg-type]
    assert torch.equal(one, torch.full((2, 3), 1.5))  # type: ignore[arg-type]
    assert none is None
    assert torch.equal(conv, 1.5 * torch.arange(48.0).reshape(4, 3, 2, 2))  # type: ignore[arg-type]


class Squares(Objective):
    """A loss of each sample alone, behind batch norm."""

    views = (("global", 1),)

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.Linear(8, 6), BatchNorm(6), nn.Linear(6, 1))

    def forward(self, encoder: nn.Module, batch: Batch) -> Losses:
        return Losses((self.head(encoder(batch.views[0])) - 1).square().mean())


def _learner() -> Learner:
    torch.manual_seed(0)
    encoder = build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 1)), image_packing(1, [0.5], [0.25]))
    return Learner(encoder, Squares()).double().train()


def test_batch_norm_of_each_part_is_one_process_that_normalises_the_parts() -> None:
    images = torch.rand(12, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def share() -> list[Tensor]:
        learner = _learner()
        if rank() == 1:  # the first one's state is everybody's
            with torch.no_grad():
                for p in learner.parameters():
                    p.zero_()
        synchronise(learner, False)
        module = parallel(learner)
        total, _ = module(Batch([images.chunk(world())[rank()]], torch.arange(6)))
        total.backward()
        return [p.grad for p in learner.parameters()]  # type: ignore[misc]

    learner = _learner()
    for part in images.chunk(2):
        (learner(Batch([part], torch.arange(6))).total / 2).backward()
    for found, parameter in zip(together(share, 2), learner.parameters(), strict=True):
        torch.testing.assert_close(found, parameter.grad)


def _train(folder: Path, kill: tuple[int, int] | None = None) -> bytes:
    """Two epochs of SimCLR; with `kill` the process of that rank dies at that step, once. Bytes of the end state."""
    torch.manual_seed(0)
    view = ViewConfig(size=8, hue=0, grayscale=0)
    packing = image_packing(1, [0.5], [0.25], 8)
    encoder = build_encoder(ResnetConfig(widths=(4, 8), blocks=(1, 1)), packing)
    images = np.random.default_rng(0).integers(0, 256, (70, 1, 8, 8), dtype=np.uint8)
    objective = build_objective(SimclrConfig(embedding=8), encoder, 70, 8)
    source = ViewSource(
        PackedArray(images, np.arange(70)),
        ImageViews(packing),
        objective.views,
        {"global": view},
        batch_size=16,
        seed=0,
        device=CPU.device,
    )
    mark = folder.parent / f"{folder.name}-killed"

    def watch(step: int, figures: dict[str, float]) -> None:
        if kill == (rank(), step) and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    config = TrainConfig(epochs=2, batch_size=16, checkpoint_seconds=0, watch_steps=1, precision="float32")
    trained = train(Learner(encoder, objective), source, config, folder, watch, seed=0, placement=CPU)
    return trained.checkpoint.read_bytes()


@pytest.mark.parametrize("kill", [(0, 3), (1, 3), (1, 1)], ids=str)
def test_a_killed_process_costs_no_figure(tmp_path: Path, kill: tuple[int, int]) -> None:
    whole = together(lambda: _train(tmp_path / "whole"), 2)
    said: list[str] = []
    again = together(lambda: _train(tmp_path / "cut", kill), 2, said.append)
    assert again == whole
    assert said == ["a process was killed by signal 9; training goes on from the last checkpoint"]
    assert (tmp_path / "cut-killed").exists()


def test_a_training_that_kills_its_processes_ends(tmp_path: Path) -> None:
    said: list[str] = []
    with pytest.raises(WorkerDiedError, match="signal 9"):
        together(lambda: os.kill(os.getpid(), signal.SIGKILL), 2, said.append)
    assert len(said) == RESTARTS


def test_a_training_goes_on_with_as_many_processes_as_began_it(tmp_path: Path) -> None:
    cpu = torch.device("cpu")
    assert how_many(tmp_path / "none", cpu, 2, 256) == 2
    together(lambda: _train(tmp_path / "two"), 2)
    assert how_many(tmp_path / "two", cpu, 1, 16) == 2
    _train(tmp_path / "one")
    assert how_many(tmp_path / "one", cpu, 8, 256) == 1
    assert how_many(tmp_path / "none", torch.device("cuda"), 8, 256) == 1


def test_alone_there_is_no_group_and_no_fork() -> None:
    assert together(lambda: (os.getpid(), world()), 1) == (os.getpid(), 1)


def test_a_mistake_of_the_user_is_not_tried_again(tmp_path: Path) -> None:
    def work() -> None:
        (tmp_path / f"{rank()}-{os.getpid()}").touch()
        raise UserError("samples-too-few", "too few samples")

    with pytest.raises(UserError, match="too few samples"):
        together(work, 2)
    assert len(list(tmp_path.iterdir())) == 2
