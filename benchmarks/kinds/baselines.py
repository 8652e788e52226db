"""Simple baselines and peers on the same labels: what a practitioner would try first.

Whatever has to be chosen is chosen by cross-validation on the labels. Letters: n labels, M test samples, K classes.
"""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.kinds.data_set import Samples
from components.arrays import Floats, Ints
from components.encoders import build_encoder
from components.encoders.start import load_weights
from components.encoders.text_bert import TextBertConfig
from components.modalities.table.baseline import Fitted, fit_boosting, fit_logistic, fit_neighbours
from components.modalities.table.config import TablePacking
from components.modalities.text.config import TextConfig, TextPacking
from components.modalities.text.decode import decode
from components.modalities.text.tokenizer import read_vocabulary, tokenizer_of
from components.modalities.text.views import TextViews

STRENGTHS = (0.1, 1.0, 10.0, 100.0, 1000.0)
LENGTH = 128  # tokens of a text that MiniLM reads
PEERS = Path(__file__).with_name("peers")


def tfidf_logistic(found: Samples, labelled: Ints, tests: Ints) -> Ints:
    """[M] classes by logistic regression on tf-idf of scikit-learn, of words and pairs of words alone or beside
    character n-grams; rarity is counted over all training texts."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    texts = [decode(text.encode()).text for text in found.columns["text"]]
    train = [text for text, test in zip(texts, found.test, strict=True) if not test]
    own, asked = ([texts[row] for row in rows] for rows in (labelled.tolist(), tests.tolist()))
    options = {
        "words": [TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=200_000)],
    }
    options["words and characters"] = [
        *options["words"],
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, max_features=200_000),
    ]
    for counter in options["words and characters"]:
        counter.fit(train)
    spaces = [
        [normalize(hstack([counter.transform(some) for counter in counters])) for some in (own, asked)]
        for counters in options.values()
    ]
    return _tuned_logistic(spaces, found.labels[labelled])


def minilm_logistic(found: Samples, labelled: Ints, tests: Ints, weights: Path) -> Ints:
    """[M] classes by logistic regression on MiniLM's frozen sentence vectors. weights: folder of the package."""
    vocabulary = read_vocabulary(weights / "vocab.txt")
    packing = TextPacking(read_as=TextConfig(length=LENGTH, accents=False), vocabulary=vocabulary)
    encoder = build_encoder(TextBertConfig(), packing).eval()
    from safetensors.torch import load_file

    load_weights(encoder, load_file(weights / "model.safetensors"), strict=True, where=str(weights))
    tokenizer, views = tokenizer_of(packing), TextViews(packing)
    rows = np.concatenate([labelled, tests])
    texts = [decode(found.columns["text"][row].encode()).text for row in rows.tolist()]
    parts = []
    with torch.inference_mode():
        for start in range(0, len(texts), 64):
            parts.append(encoder(views.collate(tokenizer.encode(texts[start : start + 64]))))
    features = torch.nn.functional.normalize(torch.cat(parts)).numpy()
    own, asked = features[: len(labelled)], features[len(labelled) :]
    return _tuned_logistic([(own, asked)], found.labels[labelled])


def _tuned_logistic(spaces: Sequence[Sequence[Any]], labels: Ints) -> Ints:
    """spaces: pairs of features of the labelled [n, D] and of the test samples [M, D]; the pair and the strength with
    the best cross-validated accuracy are taken, the stronger penalty where it is equal."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    folds = StratifiedKFold(
        min(5, int(np.bincount(labels)[np.unique(labels)].min())), shuffle=True, random_state=0
    )

    def judged(choice: tuple[int, float]) -> tuple[float, float]:
        space, strength = choice
        model = LogisticRegression(C=strength, max_iter=1000)
        return float(cross_val_score(model, spaces[space][0], labels, cv=folds).mean()), -strength

    space, strength = max(((s, c) for s in range(len(spaces)) for c in STRENGTHS), key=judged)
    own, asked = spaces[space]
    predicted: Ints = LogisticRegression(C=strength, max_iter=1000).fit(own, labels).predict(asked)
    return predicted


TABLE_MODELS: dict[str, Callable[[Floats, Ints, int, TablePacking], Fitted]] = {
    "logistic": fit_logistic,
    "boosting": fit_boosting,
    "knn": fit_neighbours,
}
"""Baselines of tables by column; of packed rows, labels, K and the packing."""


def on_rows(
    model: str, own: Floats, labels: Ints, asked: Floats, classes: int, packing: TablePacking
) -> Ints:
    """[M] classes by one of TABLE_MODELS. own: [n, F], asked: [M, F] packed rows."""
    fitted = TABLE_MODELS[model](own, labels, classes, packing)
    return np.asarray(fitted.probabilities(asked).argmax(axis=1), dtype=np.int64)


def tabpfn(
    own: Floats, labels: Ints, asked: Floats, places: Sequence[int], python: Path, folder: Path
) -> Ints:
    """[M] classes by TabPFN, in an environment of its own. places: of features that are categories. python: of that
    environment.

    Raises:
        RuntimeError: it failed; the last line that it printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    given, out = folder / "given.npz", folder / "predicted.npy"
    np.savez(given, own=own, labels=labels, asked=asked, places=np.array(places, dtype=np.int64))
    done = subprocess.run(
        [str(python), str(PEERS / "tabpfn_peer.py"), str(given), str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"it ended with code {done.returncode}")
    return np.asarray(np.load(out), dtype=np.int64)


def has_module(python: Path | None, module: str) -> bool:
    """Whether an environment can import a module."""
    if python is None or not python.exists():
        return False
    asked = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([str(python), "-c", asked], check=False).returncode == 0
