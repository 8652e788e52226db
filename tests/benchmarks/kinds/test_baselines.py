import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.kinds import baselines
from benchmarks.kinds.data_set import Samples
from components.modalities.table.config import QUANTILES, Column, Feature, TableConfig, TablePacking

PACKING = TablePacking(
    table=TableConfig(),
    columns=tuple(Column(name=name, kind="numeric", style=".") for name in "ab"),
    features=tuple(
        Feature(column=name, quantiles=tuple(np.linspace(-3, 3, QUANTILES).tolist())) for name in "ab"
    ),
)


def texts(count=60):
    """Class 1 has the word lamp, whatever else; half of them are for testing."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2
    words = [" ".join(rng.choice(["red", "blue", "tall", "small", "old"], 6)) for _ in range(count)]
    shown = [f"{text} lamp" if label else f"{text} door" for text, label in zip(words, labels, strict=True)]
    return Samples({"text": shown}, labels, ["p", "q"], np.arange(count) >= count // 2)


def test_tfidf_finds_the_word_that_tells():
    found = texts()
    tests = np.flatnonzero(found.test)
    predicted = baselines.tfidf_logistic(found, np.arange(16), tests)
    assert np.array_equal(predicted, found.labels[tests])


def test_tfidf_counts_rarity_in_training_texts_alone(monkeypatch):
    found, counted = texts(), []
    fit = TfidfVectorizer.fit

    def record(self, given):
        counted.append(list(given))
        return fit(self, given)

    monkeypatch.setattr(TfidfVectorizer, "fit", record)
    baselines.tfidf_logistic(found, np.arange(16), np.flatnonzero(found.test))
    assert counted == [found.columns["text"][:30]] * 2


def test_the_space_with_the_better_cross_validation_is_taken():
    rng = np.random.default_rng(0)
    labels, asked = np.arange(40) % 2, np.arange(10) % 2
    noise = (rng.normal(size=(40, 3)), rng.normal(size=(10, 3)))
    telling = tuple(np.stack([one * 2.0 - 1, one * 0.0], axis=1) for one in (labels, asked))
    for spaces in ([noise, telling], [telling, noise]):
        assert np.array_equal(baselines._tuned_logistic(spaces, labels), asked)


@pytest.mark.parametrize("model", list(baselines.TABLE_MODELS))
def test_models_of_rows_learn_a_threshold(model):
    rng = np.random.default_rng(0)
    own, asked = (rng.uniform(-3, 3, (size, 2)).astype(np.float32) for size in (80, 50))
    labels = (own[:, 0] > 0).astype(np.int64)
    predicted = baselines.on_rows(model, own, labels, asked, 2, PACKING)
    assert (predicted == (asked[:, 0] > 0)).mean() >= 0.9


def test_an_environment_is_asked_for_a_module(tmp_path):
    python = Path(sys.executable)
    assert baselines.has_module(python, "json")
    assert not baselines.has_module(python, "a_module_that_nobody_has")
    assert not baselines.has_module(None, "json")
    assert not baselines.has_module(tmp_path / "python", "json")


def test_a_peer_gets_rows_and_gives_classes(tmp_path, monkeypatch):
    """The peer is another script here: it predicts the place of the largest feature, of those that are categories."""
    script = tmp_path / "tabpfn_peer.py"
    script.write_text(
        "import sys, numpy as np\nfound = np.load(sys.argv[1])\n"
        "np.save(sys.argv[2], found['places'][found['asked'][:, found['places']].argmax(axis=1)])\n"
    )
    monkeypatch.setattr(baselines, "PEERS", tmp_path)
    asked = np.array([[9, 1, 5], [9, 7, 5]], np.float32)
    given = (np.zeros((2, 3), np.float32), np.array([0, 1]), asked, [1, 2])
    assert baselines.tabpfn(*given, Path(sys.executable), tmp_path / "at").tolist() == [2, 1]
    script.write_text("raise ValueError('no weights')")
    with pytest.raises(RuntimeError, match="ValueError: no weights"):
        baselines.tabpfn(*given, Path(sys.executable), tmp_path / "at")
