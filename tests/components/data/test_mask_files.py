"""Mask files: which they are, what is read of them, and why one is refused."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.data.mask_files import class_names, is_mask, read_mask, stems_of

MASK = np.array([[0, 1, 2], [255, 2, 2]], np.uint8)


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def palette(mask: np.ndarray) -> Image.Image:
    image = Image.fromarray(mask)
    image.putpalette(list(range(256)) * 3)  # all of it: Pillow saves values of a short one in fewer bits
    return image


@pytest.mark.parametrize(
    ("path", "stems"),
    [
        ("a/masks/b.png", ["a/b", "a/images/b"]),
        ("masks/b.png", ["b", "images/b"]),
        ("a/Masks/b.c.PNG", ["a/b.c", "a/images/b.c"]),
        ("a/b.mask.png", ["a/b"]),
        ("b.Mask.PNG", ["b"]),
    ],
)
def test_masks_and_their_images(path: str, stems: list[str]) -> None:
    assert is_mask(path)
    assert stems_of(path) == stems


@pytest.mark.parametrize(
    "path", ["a/b.png", "masks/a/b.png", "masks/b.jpg", "masks.png", "mask/b.png", "photos/b.png", "a/masks"]
)
def test_other_files(path: str) -> None:
    assert not is_mask(path)


@pytest.mark.parametrize("image", [Image.fromarray(MASK), palette(MASK)], ids=["grey", "palette"])
def test_values_are_classes(tmp_path: Path, image: Image.Image) -> None:
    (tmp_path / "m.png").write_bytes(png(image))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", (2, 3)), MASK)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", None), MASK)


def test_one_bit_is_two_classes(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(png(Image.fromarray(MASK == 2)))
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", None), (MASK == 2).astype(np.uint8))


def whole(value: int) -> bytes:
    return png(Image.fromarray(np.full((2, 3), value, np.uint8)))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "^an empty file$"),
        (b"no image", "^no PNG file that can be read: "),
        (png(Image.fromarray(MASK))[:40], "^no PNG file that can be read: "),
        (png(Image.fromarray(MASK.T)), "^a mask of 2 x 3 pixels, and its image has 3 x 2$"),
        (
            png(Image.fromarray(MASK).convert("RGB")),
            "^a mask is grey or has a palette, of 8 bits.*; got RGB$",
        ),
        (png(Image.fromarray(MASK.astype(np.int32)).convert("I;16")), "; got I;16$"),
        (whole(255), "^every pixel is 255, which means ignore: the mask says nothing$"),
        (png(Image.fromarray((MASK == 2).astype(np.uint8) * 255)), "^its values are 0 and 255 alone"),
    ],
)
def test_what_is_no_mask(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "m.png").write_bytes(data)
    with pytest.raises(ValueError, match=reason):
        read_mask(tmp_path / "m.png", (2, 3))


def test_background_alone_is_a_mask(tmp_path: Path) -> None:
    (tmp_path / "m.png").write_bytes(whole(0))
    assert not read_mask(tmp_path / "m.png", (2, 3)).any()


def test_a_file_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^unreadable: No such file"):
        read_mask(tmp_path / "m.png", None)


def test_class_names(tmp_path: Path) -> None:
    assert class_names(tmp_path) == ()
    (tmp_path / "classes.txt").write_bytes("\ufeffbackground\nälter \n\n".encode())
    assert class_names(tmp_path) == ("background", "älter")
    for wrong in (b"a\n\nb\n", b"a\na\n", b"\xff\xfe"):
        (tmp_path / "classes.txt").write_bytes(wrong)
        with pytest.raises(ValueError, match=r"^classes\.txt: a name of a class on each line is required"):
            class_names(tmp_path)
