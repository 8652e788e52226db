import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from components.evaluation.classification.probe import fit_probe
from components.evaluation.representation import low_shot as module
from components.evaluation.representation.low_shot import low_shot, share_of_each


def test_the_share_is_taken_class_by_class_and_is_one_at_least():
    labels = np.repeat([0, 1, 2], [300, 50, 4])
    rows = share_of_each(labels, 0.1, seed=0)
    assert np.bincount(labels[rows]).tolist() == [30, 5, 1]
    assert len(np.unique(rows)) == 36
    assert share_of_each(labels, 0.1, 0).tolist() == rows.tolist() != share_of_each(labels, 0.1, 1).tolist()
    assert share_of_each(labels, 1.0, 0).tolist() == list(range(354))
    with pytest.raises(ValueError, match="share of the labels"):
        share_of_each(labels, 10, 0)


def test_the_accuracy_is_that_of_scikit_learn_on_the_same_labels(monkeypatch):
    rng = np.random.default_rng(0)
    labels, truth = np.arange(200) % 4, np.arange(400) % 4
    train, test = (rng.standard_normal((len(y), 6)) + 1.5 * np.eye(6)[y] for y in (labels, truth))
    monkeypatch.setattr(
        module, "fit_probe", lambda *a, **k: fit_probe(*a, **{**k, "grid": (0.3,), "folds": 2})
    )
    found = low_shot(train, labels, test, truth, 4, shares=(0.05, 0.2), draws=2)
    scale = lambda x: (x - train.mean(axis=0)) / train.std(axis=0)  # noqa: E731
    for share, count in ((0.05, 8), (0.2, 40)):
        peer = []
        for draw in range(2):
            rows = share_of_each(labels, share, draw)
            model = LogisticRegression(C=0.3, tol=1e-8, max_iter=1000).fit(scale(train[rows]), labels[rows])
            peer.append(model.score(scale(test), truth))
        assert found[share].labels == count
        assert found[share].accuracy == pytest.approx(np.mean(peer), abs=0.003)
        assert found[share].deviation == pytest.approx(np.std(peer), abs=0.003)
    assert found[0.05].accuracy < found[0.2].accuracy
