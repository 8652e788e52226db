import numpy as np

from pipelines.pages.typical import typical


def test_typical_takes_the_nearest_first_and_reaches_the_farthest() -> None:
    members = np.array([10, 11, 12, 13, 14, 15, 16, 17, 18])
    near = np.array([0.1, 0.9, 0.5, 0.8, 0.2, 0.7, 0.3, 0.6, 0.4])
    assert typical(near, members, 3).tolist() == [11, 13, 10]  # one nearest, then from the second to the last
    assert sorted(typical(near, members, 20).tolist()) == members.tolist()
