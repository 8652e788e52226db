"""The classifier by scikit-learn's conventions."""

import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from components.errors import UserError
from selfsup import SelfSupervisedClassifier

TUNING = {
    "method": "supervised", "steps": 2, "head_steps": 20, "cross_fit": {"folds": 0}, "scratch": {"steps": 0},
    "portfolio": None,
}  # fmt: skip
SMALL = {
    "pretrain": {
        "encoder": {"name": "table_mlp", "width": 16, "layers": 1},
        "objective": {"name": "simclr", "embedding": 8},
        "train": {"epochs": 1},
    },
    "finetune": {"views": "corrupt", **TUNING},
}
EXPECTED = {
    "check_classifiers_classes": "it labels samples -1 and 1, and -1 means that a sample has no label",
    "check_methods_subset_invariance": "networks compute in float32, and their sums round differently by batch size: "
    "1e-7 is required, 1.3e-7 was found",
}


def small(**options):
    return SelfSupervisedClassifier(overrides=SMALL, budget=1, **options)


def blobs(labelled=30, seed=0):
    X, y = make_blobs(n_samples=90, centers=3, random_state=seed)
    given = np.full(len(y), -1)
    given[:labelled] = y[:labelled]
    return X, y, given


@pytest.mark.slow
def test_it_passes_the_checks_of_scikit_learn():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = check_estimator(small(), expected_failed_checks=EXPECTED, on_skip=None)
    by_status = {
        status: {result["check_name"] for result in results if result["status"] == status}
        for status in ("passed", "xfail", "failed")
    }
    assert by_status["failed"] == set()
    assert by_status["xfail"] <= set(EXPECTED)
    assert len(by_status["passed"]) > 45


@pytest.fixture(scope="module")
def fitted():
    X, _, given = blobs()
    return small(random_state=1).fit(X, given)


def test_it_learns_from_a_third_of_the_labels(fitted):
    X, y, _ = blobs()
    assert fitted.score(X, y) > 0.85
    p = fitted.predict_proba(X)
    assert p.shape == (90, 3)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(fitted.predict(X), fitted.classes_[p.argmax(axis=1)])
    assert fitted.transform(X).shape == (90, 16)
    assert fitted.get_feature_names_out()[0] == "selfsupervisedclassifier0"


def test_the_same_seed_gives_the_same_predictions_and_another_one_others(fitted):
    X, _, given = blobs()
    again = clone(fitted).fit(X, given)
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    other = clone(fitted).set_params(random_state=2).fit(X, given)
    assert np.abs(other.predict_proba(X) - fitted.predict_proba(X)).max() > 1e-4


def test_a_label_of_a_sample_that_has_none_is_not_used():
    X, y, given = blobs()
    hidden = np.where(given == -1, -1, given)
    lied = small(random_state=1).fit(X, hidden)
    assert set(lied.classes_) == {0, 1, 2}  # -1 is no class
    texts = np.array(["a", "b", "c"])[y].astype(object)
    texts[given == -1] = -1
    named = small(random_state=1).fit(X, texts)
    assert list(named.classes_) == ["a", "b", "c"]
    np.testing.assert_array_equal(named.predict_proba(X), lied.predict_proba(X))
    plain = small(random_state=1).fit(X, texts.astype(str))  # numpy makes "-1" of it
    np.testing.assert_array_equal(plain.predict(X), named.predict(X))
    assert list(named.predict(X)) == [named.classes_[k] for k in lied.predict(X)]


def test_unlabelled_samples_are_part_of_the_training():
    X, _, given = blobs()
    alone = small(random_state=1).fit(X[:30], given[:30])
    with_others = small(random_state=1).fit(X, given)
    assert np.abs(alone.transform(X) - with_others.transform(X)).max() > 1e-3


def test_columns_of_arrays_are_numbers_however_few_values_they_have():
    X = np.random.default_rng(0).integers(0, 2, (60, 3))
    made = small().fit(X, X[:, 0])
    columns = made.model_.network.description.packing.columns
    assert [column.kind for column in columns] == ["numeric"] * 3


def test_gaps_are_taken_and_a_pipeline_works():
    X, y, given = blobs()
    X = X.copy()
    X[::7, 0] = np.nan
    assert small().fit(X, given).score(X, y) > 0.8
    piped = make_pipeline(StandardScaler(), small()).fit(X, given)
    assert piped.predict(X[:3]).shape == (3,)


def test_a_folder_keeps_what_is_finished(tmp_path, monkeypatch):
    X, _, given = blobs()
    first = small(folder=tmp_path / "kept").fit(X, given)
    made = {file.parent.name for file in (tmp_path / "kept" / "store").glob("*/*/manifest.json")}
    assert len(made) == 5
    from pipelines.stages.finetune import classification

    monkeypatch.setattr(classification, "finetune", None)  # nothing is trained again
    second = small(folder=tmp_path / "kept").fit(X, given)
    np.testing.assert_array_equal(first.predict_proba(X), second.predict_proba(X))
    monkeypatch.undo()
    turned = np.where(given == -1, -1, 2 - given)  # the same samples with other labels are another training
    third = small(folder=tmp_path / "kept").fit(X, turned)
    assert (third.predict(X) == 2 - first.predict(X)).mean() > 0.8


def test_images():
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    X = rng.integers(0, 60, (40, 16, 16)).astype(np.uint8)
    X[y == 1, 4:12] += 150
    given = np.where(np.arange(40) < 20, y, -1)
    options = {
        "pretrain": {
            "encoder": {"name": "resnet", "widths": [4], "blocks": [1]},
            "train": {"epochs": 1, "batch_size": 16},
        },
        "finetune": {"views": "photo", **TUNING},
    }
    made = SelfSupervisedClassifier(overrides=options, budget=1).fit(X, given)
    assert made.score(X, y) > 0.9
    assert made.transform(X[:3]).shape == (3, 4)


def test_texts():
    y = np.arange(40) % 2
    X = [f"{'red apple sweet' if k else 'fast blue car'} number {n}" for n, k in enumerate(y)]
    given = np.where(np.arange(40) < 20, y, -1)
    options = {
        "pretrain": {"encoder": {"name": "text_bag", "width": 8}, "train": {"epochs": 1, "batch_size": 16}},
        "finetune": {"views": "noise", **TUNING},
    }
    assert SelfSupervisedClassifier(overrides=options, budget=1).fit(X, given).score(X, y) > 0.9


@pytest.mark.parametrize(
    ("X", "y", "said"),
    [
        (np.zeros((4, 2)) + np.arange(4)[:, None], [0, 0, -1, -1], "at least two classes, got 1 class"),
        (np.zeros((4, 2)) + np.arange(4)[:, None], [0, 1], "one label for each of 4 samples"),
        (np.zeros((4, 8, 8)), [0, 1, 0, 1], "images must be uint8"),
        (np.ones((4, 2)), [0, 1, 0, 1], "all 4 samples are the same row"),
        (["a b"] * 4, [0, 1, 0, 1], "are the same text"),
    ],
)
def test_a_mistake_is_one_sentence(X, y, said):
    with pytest.raises(UserError, match=said) as caught:
        small().fit(X, y)
    assert "\n" not in str(caught.value)


def test_a_wrong_override_and_a_forked_training_with_threads_are_refused(monkeypatch):
    X, _, given = blobs()
    with pytest.raises(UserError, match="unknown key 'stepz'"):
        SelfSupervisedClassifier(overrides={"finetune": {"stepz": 3}}, budget=1).fit(X, given)
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    with pytest.raises(UserError, match="OMP_NUM_THREADS=1"):
        small(n_jobs=2).fit(X, given)


def test_the_random_state_of_torch_is_as_it_was():
    import torch

    X, _, given = blobs()
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    small(random_state=1).fit(X, given)
    assert torch.equal(torch.rand(3), expected)
