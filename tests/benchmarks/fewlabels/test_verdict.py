import numpy as np

from benchmarks.fewlabels.verdict import pack, unpack, verdict


def test_right_and_wrong_are_packed_without_loss():
    right = np.random.default_rng(0).random(77) < 0.5
    assert np.array_equal(unpack(pack(right)), right)


def test_the_verdict_follows_the_interval():
    rng = np.random.default_rng(1)
    base = [rng.random(500) < 0.7 for _ in range(3)]
    better = [b | (rng.random(500) < 0.5) for b in base]
    word, low, high = verdict(better, base)
    assert word == "better"
    assert 0 < low < 0.15 < high
    assert verdict(base, better)[0] == "worse"
    assert verdict(base, base) == ("equal", 0.0, 0.0)
    one_lucky_seed = [better[0], *base[1:]]  # the other two seeds are equal: nothing is shown
    assert verdict(one_lucky_seed, base)[0] == "equal"
