"""selfsup in Python: runs of recipes, the champion, and losses for a training loop of your own.

Names are imported when they are first used (PEP 562), so `import selfsup` loads nothing heavy, and what needs torch
alone loads torch alone. Each name has one import path: `selfsup.NAME`, and `selfsup.losses.NAME` for losses.

>>> import torch
>>> from selfsup import losses
>>> z = torch.ones(4, 8)
>>> round(float(losses.NTXent()(z, z)), 4)  # log(2 * 4 - 1): all embeddings are equal
1.9459
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components.clustering.kmeans import kmeans
    from components.clustering.sinkhorn import sinkhorn
    from components.errors import UserError
    from pipelines.recipe import Recipe
    from selfsup import losses
    from selfsup.classifier import SelfSupervisedClassifier
    from selfsup.methods import FixMatch
    from selfsup.models import Model, embed, load_champion
    from selfsup.runs import Run, history, load_recipe, run

_PLACES = {
    "FixMatch": "selfsup.methods",
    "Model": "selfsup.models",
    "Recipe": "pipelines.recipe",
    "Run": "selfsup.runs",
    "SelfSupervisedClassifier": "selfsup.classifier",
    "UserError": "components.errors",
    "embed": "selfsup.models",
    "history": "selfsup.runs",
    "kmeans": "components.clustering.kmeans",
    "load_champion": "selfsup.models",
    "load_recipe": "selfsup.runs",
    "run": "selfsup.runs",
    "sinkhorn": "components.clustering.sinkhorn",
}

__all__ = [
    "FixMatch",
    "Model",
    "Recipe",
    "Run",
    "SelfSupervisedClassifier",
    "UserError",
    "embed",
    "history",
    "kmeans",
    "load_champion",
    "load_recipe",
    "losses",
    "run",
    "sinkhorn",
]


def __getattr__(name: str) -> Any:
    if name == "losses":
        return import_module("selfsup.losses")
    if name not in _PLACES:
        raise AttributeError(f"module 'selfsup' has no attribute {name!r}; it has {', '.join(__all__)}")
    found = globals()[name] = getattr(import_module(_PLACES[name]), name)
    return found


def __dir__() -> list[str]:
    return __all__
