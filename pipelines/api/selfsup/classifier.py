"""A classifier that follows scikit-learn's conventions and learns from few labels and many unlabelled samples.

`fit` packs the samples as a snapshot and runs the pipeline's own stages on it (pretrain, embed, pseudo_label,
finetune), in this process; `predict` uses the model that they would register. There is no test split, gate or
registry: for those, run a recipe.

Letters: N samples, F columns, D features, K classes.
"""

import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from components.errors import UserError
from pipelines.recipe import Recipe
from selfsup.local_training import Job, suited_recipe, train
from selfsup.models import Model
from selfsup.runs import load_recipe

UNLABELLED = -1


class SelfSupervisedClassifier(
    ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    ClassifierMixin,  # type: ignore[misc]
    TransformerMixin,  # type: ignore[misc]
    BaseEstimator,  # type: ignore[misc]
):
    """Classifier from labelled and unlabelled samples.

    Samples are an array [N, F] of numbers (NaN is missing), images as uint8 [N, H, W] or [N, H, W, C], or a list of
    texts.

    Args:
        recipe: a recipe, or its file or name; None: the one that `selfsup init` would write for these samples.
        overrides: laid over the recipe, such as {"finetune": {"steps": 100}}.
        budget: seconds of training to aim at on two cores, where `recipe` is None.
        folder: where samples and finished stages are kept, so that an interrupted `fit` goes on and an equal one is
            found; None: a temporary folder, deleted after `fit`.
        n_jobs: processes that compute. Above 1 they are forked, which requires OMP_NUM_THREADS=1 before torch is
            imported.
        random_state: seed of all stages that have none of their own; None: the recipe's.

    Attributes:
        classes_: [K] the labels, sorted.
        n_features_in_: F.
        model_: the trained Model.

    >>> import numpy as np
    >>> SelfSupervisedClassifier(random_state=3).get_params()["random_state"]
    3
    """

    classes_: NDArray[Any]
    model_: Model

    def __init__(
        self,
        recipe: Recipe | str | Path | None = None,
        *,
        overrides: Mapping[str, Any] | None = None,
        budget: float = 60.0,
        folder: str | Path | None = None,
        n_jobs: int = 1,
        random_state: int | None = None,
    ) -> None:
        self.recipe = recipe
        self.overrides = overrides
        self.budget = budget
        self.folder = folder
        self.n_jobs = n_jobs
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "SelfSupervisedClassifier":
        """Train on samples X and labels y [N], -1 for a sample without a label.

        Raises:
            UserError (a ValueError): fewer than two samples, or labels of fewer than two classes.
        """
        kind, values = self._samples(X, reset=True)
        labels = _labels(y, len(values))
        given = ~_unlabelled(labels)
        check_classification_targets(labels[given])
        self.classes_, codes = np.unique(labels[given], return_inverse=True)
        if len(self.classes_) < 2:
            raise UserError(
                "labels-too-few",
                f"a classifier needs labels of at least two classes, got {len(self.classes_)} class; -1 in y means "
                "that a sample has no label",
            )
        places = np.full(len(values), UNLABELLED, np.int64)
        places[given] = codes
        names = [f"{k:06d}" for k in range(len(self.classes_))]
        job = Job(self._recipe(kind, values, places), values, places, names)
        if self.folder is not None:
            self.model_ = train(job, Path(self.folder), self.n_jobs)
        else:
            with TemporaryDirectory(prefix="selfsup-") as folder:
                self.model_ = train(job, Path(folder), self.n_jobs)
        self._n_features_out = self.model_.network.encoder.embedding_dim
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """[N] the most probable class of each sample."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """[N, K] calibrated probability of each class, in the order of `classes_`."""
        check_is_fitted(self)
        _, values = self._samples(X, reset=False)
        found = self.model_.predict(values)
        if (bad := found["error"].dropna()).size:
            raise UserError("request-invalid", f"sample {bad.index[0]} of {len(values)}: {bad.iloc[0]}")
        return np.asarray(found["probabilities"].tolist(), dtype=np.float64)

    def transform(self, X: Any) -> NDArray[np.float32]:
        """[N, D] features of the model's encoder."""
        check_is_fitted(self)
        _, values = self._samples(X, reset=False)
        return self.model_.embed(values)

    def _recipe(self, kind: str, values: list[Any], labels: NDArray[np.int64]) -> Recipe:
        if self.recipe is None:
            recipe = suited_recipe(_modality(kind, values), values, labels, self.budget)
        else:
            recipe = self.recipe if isinstance(self.recipe, Recipe) else load_recipe(self.recipe)
        seed = {} if self.random_state is None else {"seed": int(self.random_state)}
        return recipe.with_overrides({**seed, **(self.overrides or {})})

    def _samples(self, X: Any, reset: bool) -> tuple[str, list[Any]]:
        """Name of the modality and the samples, each as a value of a request."""
        if _are_texts(X):
            return "text", [str(text) for text in X]
        if getattr(X, "ndim", 2) in (3, 4):
            return "image", list(_images(X))
        array = validate_data(
            self, X, reset=reset, ensure_all_finite="allow-nan", ensure_min_samples=2 if reset else 1
        )
        if np.iscomplexobj(array):
            raise ValueError("Complex data not supported")
        numbers = np.asarray(array, dtype=np.float64)
        names = [f"x{k}" for k in range(numbers.shape[1])]
        return "table", [
            {name: None if np.isnan(cell) else repr(cell) for name, cell in zip(names, row, strict=True)}
            for row in numbers.tolist()
        ]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.transformer_tags.preserves_dtype = []
        return tags


def _are_texts(X: Any) -> bool:
    if isinstance(X, np.ndarray):
        return X.ndim == 1 and X.dtype.kind in "UO" and all(isinstance(text, str) for text in X)
    return isinstance(X, list | tuple) and len(X) > 0 and all(isinstance(text, str) for text in X)


def _images(X: Any) -> NDArray[np.uint8]:
    images = np.asarray(X)
    if images.dtype != np.uint8 or (images.ndim == 4 and images.shape[3] not in (1, 3)):
        raise UserError(
            "array-invalid",
            f"images must be uint8 [N, H, W] or [N, H, W, 1 or 3], got {images.dtype} {list(images.shape)}; scale "
            "values to 0 to 255",
        )
    return images


def _modality(kind: str, values: list[Any]) -> dict[str, Any]:
    """As a recipe names it."""
    if kind == "image":
        return {"name": kind, "channels": values[0].shape[2] if values[0].ndim == 3 else 1}
    return {"name": kind}


def _labels(y: Any, samples: int) -> NDArray[Any]:
    """y as [N].

    Raises:
        UserError: another number of labels.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        warnings.warn(
            "A column-vector y was passed when a 1d array was expected", DataConversionWarning, stacklevel=3
        )
        labels = labels.ravel()
    if labels.ndim != 1 or len(labels) != samples:
        raise UserError(
            "lengths-differ", f"y must hold one label for each of {samples} samples, got shape {labels.shape}"
        )
    return labels


def _unlabelled(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """[N] which samples have no label: -1, also among labels that are texts."""
    return np.array(
        [label == UNLABELLED or label == str(UNLABELLED) for label in labels.tolist()], dtype=bool
    )
