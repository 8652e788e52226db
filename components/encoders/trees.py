"""A fitted gradient boosting of scikit-learn as tensors: its raw scores are the features.

So a boosted model is registered, loaded and served like any encoder: from safetensors, without pickle and without
scikit-learn. It has nothing to learn here. Exact: thresholds and leaves stay float64, a missing value and an unknown
category go the way that scikit-learn sends them.
Letters: B samples, F features of a view, K raw scores (1 for two classes), T trees of all K, M nodes of the largest
tree, S splits by category, V codes of the largest categorical feature.
"""

from typing import Any, Literal

import numpy as np
import torch
from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor

from components.config import Config
from components.encoders.tabular import TableEncoder
from components.errors import UserError
from components.modalities.table.config import TablePacking


class TreesConfig(Config):
    """Sizes of a fitted gradient boosting; `trees_of` finds them."""

    name: Literal["trees"] = "trees"
    """Selects a fitted gradient boosting."""

    trees: PositiveInt
    """T: trees of all scores together."""

    nodes: PositiveInt
    """M: nodes of the largest tree."""

    scores: PositiveInt = 1
    """K: raw scores; 1 for two classes."""

    depth: NonNegativeInt
    """Splits on the longest way from a root to a leaf."""

    splits: NonNegativeInt = 0
    """S: splits by category."""

    codes: NonNegativeInt = 0
    """V: codes of the categorical feature with the most of them."""


class Trees(TableEncoder):
    """[B, F] -> [B, K] raw scores, as scikit-learn's decision_function gives them."""

    learnt = False
    class_scores = True
    place: Tensor  # [T, M] int64, the feature that a node looks at
    threshold: Tensor  # [T, M] float64; left where the value is not larger
    left: Tensor  # [T, M] int64, the next node; a leaf is its own
    right: Tensor
    missing_left: Tensor  # [T, M] bool
    split: Tensor  # [T, M] int64 into `sends_left`, -1 for a split by threshold
    leaf: Tensor  # [T, M] float64
    sends_left: Tensor  # [S, V + 1] bool by code; code V is a category that was never seen
    start: Tensor  # [K] float64
    score: Tensor  # [T] int64, the score that a tree adds to

    def __init__(self, config: TreesConfig, packing: TablePacking) -> None:
        super().__init__(packing)
        self.config, self.feature_dim = config, config.scores
        shape = (config.trees, config.nodes)
        whole, real = torch.zeros(shape, dtype=torch.int64), torch.zeros(shape, dtype=torch.float64)
        for name in ("place", "left", "right", "split"):
            self.register_buffer(name, whole.clone())
        for name in ("threshold", "leaf"):
            self.register_buffer(name, real.clone())
        self.register_buffer("missing_left", torch.zeros(shape, dtype=torch.bool))
        self.register_buffer("sends_left", torch.zeros(config.splits, config.codes + 1, dtype=torch.bool))
        self.register_buffer("start", torch.zeros(config.scores, dtype=torch.float64))
        self.register_buffer("score", torch.zeros(config.trees, dtype=torch.int64))

    def forward(self, x: Tensor) -> Tensor:
        trees = torch.arange(self.config.trees, device=x.device)
        node = torch.zeros(x.shape[0], self.config.trees, dtype=torch.int64, device=x.device)
        values = x.double()
        for _ in range(self.config.depth):
            value = values.gather(1, self.place[trees, node])
            goes_left = value <= self.threshold[trees, node]
            if self.config.splits:
                goes_left = self._by_category(value, self.split[trees, node], goes_left)
            goes_left = _either(value.isnan(), self.missing_left[trees, node], goes_left)
            node = torch.where(goes_left, self.left[trees, node], self.right[trees, node])
        of_score = torch.arange(self.config.scores, device=x.device) == self.score.unsqueeze(1)  # [T, K]
        return (self.start + self.leaf[trees, node] @ of_score.double()).to(x.dtype)

    def _by_category(self, value: Tensor, split: Tensor, otherwise: Tensor) -> Tensor:
        known = (value >= 0) & (value < self.config.codes)
        code = torch.where(known, value, self.config.codes).long()
        return _either(split >= 0, self.sends_left[split.clamp_min(0), code], otherwise)


def _either(condition: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """torch.where of truth values, which onnxruntime does not have."""
    return (condition & yes) | (~condition & no)


def trees_of(estimator: Any, packing: TablePacking) -> Trees:
    """The encoder of a fitted HistGradientBoostingClassifier or -Regressor.

    Args:
        estimator: fitted on packed rows [N, F] with `categorical_features` the places of the categorical features, or
            without any.

    Raises:
        UserError: it was fitted on another number of features.
    """
    if estimator.n_features_in_ != len(packing.features):
        raise UserError(
            "weights-unsuitable",
            f"a boosting of {len(packing.features)} features is required, got one of {estimator.n_features_in_}",
        )
    rounds = estimator._predictors  # [rounds][K]
    flat = [predictor for one in rounds for predictor in one]
    places, categories = _inputs(estimator, len(packing.features))
    codes = max((int(known.max()) + 1 for known in categories.values() if len(known)), default=0)
    splits = sum(int(predictor.nodes["is_categorical"].sum()) for predictor in flat)
    config = TreesConfig(
        trees=len(flat),
        nodes=max(len(predictor.nodes) for predictor in flat),
        scores=len(rounds[0]),
        depth=max(int(predictor.nodes["depth"].max()) for predictor in flat),
        splits=splits,
        codes=codes,
    )
    encoder, used = Trees(config, packing), 0
    for tree, predictor in enumerate(flat):
        used = _fill(encoder, tree, predictor, places, categories, used)
    encoder.start.copy_(torch.from_numpy(np.ravel(estimator._baseline_prediction).astype(np.float64)))
    encoder.score.copy_(torch.arange(len(flat)) % config.scores)
    return encoder


def _inputs(estimator: Any, features: int) -> tuple[list[int], dict[int, np.ndarray[Any, Any]]]:
    """Of each input of the trees: the feature that it is, and for categories the code of each of its ordinals.

    scikit-learn brings categories to the front and numbers them anew.
    """
    if estimator.is_categorical_ is None:
        return list(range(features)), {}
    marks = np.asarray(estimator.is_categorical_)
    places = [*np.flatnonzero(marks).tolist(), *np.flatnonzero(~marks).tolist()]
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    return places, {place: known[~np.isnan(known)] for place, known in enumerate(encoder.categories_)}


def _fill(
    encoder: Trees,
    tree: int,
    predictor: Any,
    places: list[int],
    categories: dict[int, np.ndarray[Any, Any]],
    used: int,
) -> int:
    """Write one tree; used: splits by category so far. Returns their number after it."""
    nodes = predictor.nodes
    count, own = len(nodes), np.arange(len(nodes))
    leaf = nodes["is_leaf"].astype(bool)
    inputs = nodes["feature_idx"].astype(np.int64)

    def put(buffer: Tensor, values: np.ndarray[Any, Any]) -> None:
        buffer[tree, :count] = torch.from_numpy(np.ascontiguousarray(values)).to(buffer.dtype)

    put(encoder.place, np.array(places)[np.where(leaf, 0, inputs)])
    put(encoder.threshold, nodes["num_threshold"])
    put(encoder.left, np.where(leaf, own, nodes["left"].astype(np.int64)))
    put(encoder.right, np.where(leaf, own, nodes["right"].astype(np.int64)))
    put(encoder.missing_left, nodes["missing_go_to_left"].astype(bool))
    put(encoder.leaf, np.where(leaf, nodes["value"], 0.0))
    split = np.full(count, -1)
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf):
        known = categories[int(inputs[node])]
        bits = predictor.raw_left_cat_bitsets[int(nodes["bitset_idx"][node])]
        row = np.full(encoder.config.codes + 1, bool(nodes["missing_go_to_left"][node]))
        for ordinal, code in enumerate(known):
            row[int(code)] = bool(bits[ordinal // 32] >> np.uint32(ordinal % 32) & np.uint32(1))
        encoder.sends_left[used] = torch.from_numpy(row)
        split[node], used = used, used + 1
    put(encoder.split, split)
    return used
