"""scikit-learn's models, with the labels that ours get.

Letters: N training samples, T test items, P numbers of a sample.
"""

import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelPropagation, LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC

from benchmarks.fewlabels.sets import Data
from benchmarks.fewlabels.verdict import Row, pack
from components.arrays import Doubles, Ints

PEERS = {  # what they see: which models
    "pixels": (
        "LabelSpreading", "LabelPropagation", "self-training, SVC", "self-training, logistic", "SVC",
        "logistic regression",
    ),
    "features": ("LabelSpreading", "logistic regression"),  # of the pretrained encoder
}  # fmt: skip

QUICK = ("SVC", "logistic regression")  # they see the labelled samples alone


def peer(data: Data, x: Doubles, t: Doubles, name: str, use: Ints) -> Row:
    """A model of scikit-learn, its defaults but for the graph of 7 neighbours.

    x: [N, P] pixels or features of the training samples, of which `use` have a label. t: [T, P] of the test items.
    """
    model = {
        "LabelSpreading": LabelSpreading(kernel="knn", n_neighbors=7),
        "LabelPropagation": LabelPropagation(kernel="knn", n_neighbors=7, max_iter=5000),
        "self-training, SVC": SelfTrainingClassifier(SVC(probability=True)),
        "self-training, logistic": SelfTrainingClassifier(LogisticRegression(max_iter=1000)),
        "SVC": SVC(),
        "logistic regression": LogisticRegression(max_iter=1000),
    }[name]
    labels, y = data.labels[data.train], np.full(len(x), -1)
    y[use] = labels[use]
    if name in QUICK or len(use) == len(x):
        x, y = x[use], y[use]
    began = time.process_time()
    with warnings.catch_warnings():  # of label propagation that does not end, and of SVC's probabilities
        warnings.simplefilter("ignore")
        said = model.fit(x, y).predict(t)
    return {"right": pack(said == data.labels[data.test]), "seconds": round(time.process_time() - began, 1)}
