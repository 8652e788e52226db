import numpy as np
from PIL import Image

from benchmarks.unseen.image_set import finished
from benchmarks.unseen.sets.microscopy import SIDE, STARDIST, middles, nuclei


def test_the_class_is_what_lies_at_the_middle():
    instances = np.zeros((24, 40), dtype=np.uint16)
    instances[4:20, 4:16], instances[4:20, 16:24] = 1, 2  # two nuclei that touch
    found = middles(instances)
    assert found[12, 4:8].tolist() == [1, -1, -1, -1]
    assert found[12, 8:12].tolist() == [2, 2, 2, 2]
    assert found[12, 15:17].tolist() == [1, 1]
    assert found[12, 24:30].tolist() == [-1, -1, -1, 0, 0, 0]
    assert found[0, 12] == 0


def test_patches_of_the_right_part_are_the_test(tmp_path):
    rng = np.random.default_rng(0)
    instances = np.zeros((200, 400), dtype=np.uint16)
    for number in range(40):
        top, left = 20 * (number // 8) + 30, 48 * (number % 8) + 8
        instances[top : top + 16, left : left + 16] = number + 1
    image = (100 * (instances > 0) + rng.integers(0, 100, instances.shape)).astype(np.uint16)
    file = STARDIST.path(tmp_path)
    file.parent.mkdir(parents=True)
    Image.fromarray(image).save(file)
    Image.fromarray(instances).save(file.with_name("mask2d.tif"))
    found = finished(nuclei(0, tmp_path), 0)
    assert found.images.shape[1:] == (SIDE, SIDE)
    assert found.classes == ["background", "edge", "nucleus"]
    middle = found.images[:, 11:13, 11:13].mean(axis=(1, 2))
    assert middle[found.labels == 2].min() > middle[found.labels == 0].mean()
