"""Losses of self-supervised objectives on plain tensors, for a training loop of your own; they need torch alone.

Each is what the objective of the same name computes, by the same functions, without encoder, heads and views:
embeddings go in, a scalar comes out. Under torch.distributed a loss is that of the batch of all processes where the
published one is; average the gradients, as DistributedDataParallel does.

Letters: B samples, E embedding size, K prototypes or outputs, V views.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.clustering.sinkhorn import sinkhorn
from components.collectives import all_reduce_sum, world
from components.errors import UserError
from components.objectives.barlow import barlow_loss
from components.objectives.byol import regression
from components.objectives.dino import targets as centred_targets
from components.objectives.lejepa import lejepa_loss
from components.objectives.moco import info_nce
from components.objectives.parts.queue import Queue
from components.objectives.parts.sample_rng import Chance
from components.objectives.parts.sigreg import directions
from components.objectives.parts.two_views import unit
from components.objectives.simclr import nt_xent
from components.objectives.simsiam import negative_cosine
from components.objectives.supcon import sup_con
from components.objectives.swav import swapped_prediction
from components.objectives.vicreg import vicreg_loss
from components.precision import at_least_float32

__all__ = ["BYOL", "DINO", "Barlow", "LeJEPA", "MoCo", "NTXent", "SimSiam", "SupCon", "SwAV", "VICReg"]


def _above_zero(**numbers: float) -> None:
    """Raises UserError unless all of these are above 0."""
    for name, number in numbers.items():
        if not number > 0:
            raise UserError("value-out-of-range", f"{name} must be above 0, got {number}")


def _views(views: Sequence[Tensor], name: str) -> None:
    """Raises UserError unless there are two views or more, each [B, .]."""
    shapes = [list(view.shape) for view in views]
    if len(views) < 2 or any(len(shape) != 2 for shape in shapes):
        raise UserError("view-count-differs", f"{name} needs two views [B, E] or more, got {shapes}")


class NTXent(nn.Module):
    """Loss of SimCLR: two views of a sample attract, all other views of the batch repel.

    Source: Chen et al. 2020 (arXiv:2002.05709), equation 1.

    >>> z = torch.eye(2)
    >>> round(float(NTXent(temperature=1.0)(z, z)), 4)  # log(1 + 2 / e)
    0.5514
    """

    def __init__(self, temperature: float = 0.2) -> None:
        super().__init__()
        _above_zero(temperature=temperature)
        self.temperature = temperature

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two views [B, E], row i of both of sample i -> [] nats.

        Raises:
            UserError: shapes differ, or there is only one sample.
        """
        return nt_xent(first, second, temperature=self.temperature)


class SupCon(nn.Module):
    """Loss of SupCon: NTXent in which all views of samples with the same label attract.

    Source: Khosla et al. 2020 (arXiv:2004.11362), equation 2.

    >>> z = torch.eye(2)
    >>> unlabelled = torch.tensor([-1, -1])
    >>> bool(SupCon(0.5)(z, z, unlabelled) == NTXent(0.5)(z, z))
    True
    """

    def __init__(self, temperature: float = 0.1) -> None:
        super().__init__()
        _above_zero(temperature=temperature)
        self.temperature = temperature

    def forward(self, first: Tensor, second: Tensor, targets: Tensor) -> Tensor:
        """Two views [B, E] and targets [B] int64, -1 where there is no label -> [] nats.

        Raises:
            UserError: shapes differ, or there is only one sample.
        """
        return sup_con(first, second, targets, temperature=self.temperature)


class MoCo(nn.Module):
    """Loss of MoCo: a view finds its key among the keys of earlier batches, which a queue holds.

    In training mode each call puts its keys into the queue. `key` comes from the momentum encoder, which is yours.
    Source: He et al. 2019 (arXiv:1911.05722), equation 1.
    """

    def __init__(self, embedding: int = 128, queue: int = 4096, temperature: float = 0.2) -> None:
        """queue: number of keys, which begin as random directions."""
        super().__init__()
        _above_zero(embedding=embedding, queue=queue, temperature=temperature)
        self.temperature = temperature
        self.queue = Queue(queue, embedding)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Queries [B, E] and their keys [B, E], which take no gradient -> [] nats.

        Raises:
            UserError: shapes differ.
        """
        loss = info_nce(query, key, self.queue.rows, temperature=self.temperature)
        if self.training:
            self.queue.push(unit(key))
        return loss


class Barlow(nn.Module):
    """Loss of Barlow Twins: each dimension agrees with itself across two views and with no other.

    Source: Zbontar et al. 2021 (arXiv:2103.03230), equation 1.
    """

    def __init__(self, redundancy: float = 0.0051, scale: float = 1.0) -> None:
        """redundancy: weight of the off-diagonal terms. scale: multiplies the whole loss."""
        super().__init__()
        _above_zero(scale=scale)
        self.redundancy, self.scale = redundancy, scale

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two views [B, E], row i of both of sample i -> [].

        Raises:
            UserError: shapes differ, or there is only one sample.
        """
        return barlow_loss(first, second, redundancy=self.redundancy, scale=self.scale).total


class VICReg(nn.Module):
    """Loss of VICReg: two views agree, each dimension keeps its variance, and no two dimensions covary.

    Source: Bardes, Ponce & LeCun 2021 (arXiv:2105.04906), equation 6.

    >>> round(float(VICReg()(torch.zeros(4, 8), torch.zeros(4, 8))), 4)  # 25 * (1 - sqrt(1e-4))
    24.75
    """

    def __init__(self, invariance: float = 25.0, variance: float = 25.0, covariance: float = 1.0) -> None:
        """Weights of the three terms."""
        super().__init__()
        self.invariance, self.variance, self.covariance = invariance, variance, covariance

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Two views [B, E], row i of both of sample i -> [].

        Raises:
            UserError: shapes differ, or there is only one sample.
        """
        weights = {"invariance": self.invariance, "variance": self.variance, "covariance": self.covariance}
        return vicreg_loss(first, second, **weights).total


class BYOL(nn.Module):
    """Loss of BYOL, one direction: squared distance of a prediction from a target, both at length 1.

    Predictor and momentum encoder are yours; sum both directions.
    Source: Grill et al. 2020 (arXiv:2006.07733), equation 2.

    >>> loss = BYOL()
    >>> float(loss(torch.eye(2), torch.eye(2))), float(loss(torch.eye(2), -torch.eye(2)))
    (0.0, 4.0)
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Predictions and targets [B, E]; targets take no gradient -> [] from 0 to 4.

        Raises:
            UserError: shapes differ.
        """
        return regression(prediction, target)


class SimSiam(nn.Module):
    """Loss of SimSiam, one direction: minus the cosine of a prediction and the other view's embedding.

    The predictor is yours; take the mean of both directions.
    Source: Chen & He 2020 (arXiv:2011.10566), equation 1.

    >>> float(SimSiam()(torch.eye(2), torch.eye(2)))
    -1.0
    """

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Predictions and embeddings [B, E]; the latter take no gradient -> [] from -1 to 1.

        Raises:
            UserError: shapes differ.
        """
        return negative_cosine(prediction, target)


class SwAV(nn.Module):
    """Loss of SwAV: from one view, predict the code that another view has among learned prototypes.

    The prototypes are parameters of the loss: give them to the optimiser.
    Source: Caron et al. 2020 (arXiv:2006.09882), equations 1, 2 and 6.

    >>> loss = SwAV(embedding=8, prototypes=16)
    >>> z = torch.ones(4, 8)
    >>> loss(z, z).shape, [name for name, _ in loss.named_parameters()]
    (torch.Size([]), ['prototypes'])
    """

    prototypes: nn.Parameter  # [K, E]

    def __init__(
        self,
        embedding: int = 128,
        prototypes: int = 100,
        temperature: float = 0.1,
        epsilon: float = 0.05,
        iterations: int = 3,
    ) -> None:
        """epsilon, iterations: of Sinkhorn, see `selfsup.sinkhorn`."""
        super().__init__()
        _above_zero(embedding=embedding, prototypes=prototypes, temperature=temperature, epsilon=epsilon)
        self.temperature, self.epsilon, self.iterations = temperature, epsilon, iterations
        self.prototypes = nn.Parameter(F.normalize(torch.randn(prototypes, embedding), dim=1))

    def forward(self, *views: Tensor) -> Tensor:
        """Two global views [B, E], then any number of local ones -> [] nats; log K where nothing is told apart.

        Raises:
            UserError: fewer than two views.
        """
        _views(views, "SwAV")
        with torch.autocast(views[0].device.type, enabled=False):
            prototypes = unit(self.prototypes)
            scores = [unit(view) @ prototypes.T for view in views]
            seen = torch.stack(scores[:2]).detach()
            codes = sinkhorn(seen, epsilon=self.epsilon, iterations=self.iterations)
            return swapped_prediction(scores, list(codes), temperature=self.temperature)


class DINO(nn.Module):
    """Loss of DINO: from any view, predict the centred and sharpened outputs of a teacher for the global views.

    Heads and momentum teacher are yours. In training mode each call moves the centre towards the mean of the teacher's
    outputs.
    Source: Caron et al. 2021 (arXiv:2104.14294), equations 1 and 4.
    """

    centre: Tensor  # [K]

    def __init__(
        self,
        outputs: int,
        temperature: float = 0.1,
        teacher_temperature: float = 0.04,
        centre_momentum: float = 0.9,
    ) -> None:
        """outputs: K of the heads."""
        super().__init__()
        _above_zero(outputs=outputs, temperature=temperature, teacher_temperature=teacher_temperature)
        self.temperature, self.teacher_temperature = temperature, teacher_temperature
        self.centre_momentum = centre_momentum
        self.register_buffer("centre", torch.zeros(outputs))

    def forward(self, student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
        """Scores [B, K] of each view, the global ones first -> [] nats.

        Args:
            student: of V >= 2 views. teacher: of the global views, which are the first of them; no gradient.

        Raises:
            UserError: fewer than two views of the student, or none or more of the teacher.
        """
        _views(student, "DINO")
        if not 1 <= len(teacher) <= len(student):
            raise UserError(
                "view-count-differs",
                f"DINO needs the teacher's scores of 1 to {len(student)} views, got {len(teacher)}",
            )
        codes = [centred_targets(scores, self.centre, self.teacher_temperature) for scores in teacher]
        loss = swapped_prediction(list(student), codes, temperature=self.temperature)
        if self.training:
            with torch.no_grad():
                mean = all_reduce_sum(at_least_float32(torch.cat(list(teacher))).mean(dim=0)) / world()
                self.centre.lerp_(mean.to(self.centre.dtype), 1 - self.centre_momentum)
        return loss


class LeJEPA(nn.Module):
    """Loss of LeJEPA: every view predicts the mean of the global ones, and SIGReg keeps embeddings standard normal.

    In training mode each call takes other random directions.
    Source: Balestriero & LeCun 2025 (arXiv:2511.08544), algorithm 2.
    """

    def __init__(self, weight: float = 0.05, directions: int = 256, knots: int = 17) -> None:
        """weight: of SIGReg, in [0, 1]. directions: random ones that it looks along. knots: of its integral."""
        super().__init__()
        if not 0 <= weight <= 1:
            raise UserError("value-out-of-range", f"weight must be in [0, 1], got {weight}")
        _above_zero(directions=directions, knots=knots - 1)
        self.weight, self.directions, self.knots = weight, directions, knots
        self.chance = Chance()

    def forward(self, *views: Tensor) -> Tensor:
        """Two global views [B, E], then any number of local ones -> [].

        Raises:
            UserError: fewer than two views.
        """
        _views(views, "LeJEPA")
        along = directions(self.chance, views[0].shape[1], self.directions)
        if self.training:
            self.chance.tick()
        return lejepa_loss(torch.stack(views), along, weight=self.weight, knots=self.knots)[0]
