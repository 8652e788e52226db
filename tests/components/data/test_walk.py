"""What a walk finds, and what it leaves out: litter, our own folders, what cannot be read, links to elsewhere."""

import os
from pathlib import Path

import pytest

from components.data.walk import Walk, link_targets, suffix_of


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


def paths(walk: Walk) -> list[str]:
    return [entry.path for entry in walk]


def test_files_come_in_order_of_name_depth_first(tmp_path: Path) -> None:
    put(tmp_path, "b/2.png", "b/a/1.png", "a.png", "c.png", ".hidden", "~lock", "x.part")
    assert paths(Walk(tmp_path)) == ["a.png", "b/2.png", "b/a/1.png", "c.png"]


def test_litter_is_left_out_and_counted(tmp_path: Path) -> None:
    put(tmp_path, "disc/@eaDir/1.png/THUMB.jpg", "bars/@eaDir/1.png/THUMB.jpg", "disc/Thumbs.db", ".DS_Store",
        "__MACOSX/disc/._1.png", "disc/._1.png", "disc/1.png", "lost+found/x.png")  # fmt: skip
    walk = Walk(tmp_path)
    assert paths(walk) == ["disc/1.png"]
    assert walk.litter == {
        "@eaDir": 2, "Thumbs.db": 1, ".DS_Store": 1, "__MACOSX": 1, "._*": 1, "lost+found": 1,
    }  # fmt: skip


def test_our_own_folders_are_left_out_however_they_are_reached(tmp_path: Path) -> None:
    put(tmp_path, "in/1.png", "in/data/mine/x.png", "in/sub/home/y.png", "in/sub/2.png")
    (tmp_path / "alias").symlink_to("in")
    walk = Walk(tmp_path / "in", own=[tmp_path / "alias" / "data", tmp_path / "in" / "sub" / "home"])
    assert paths(walk) == ["1.png", "sub/2.png"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "a/1.png", "secret/2.png", "z.png")
    scandir = os.scandir

    def refuse(folder: Path) -> object:  # root may read everything, whatever the bits say
        if str(folder).endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr("os.scandir", refuse)
    walk = Walk(tmp_path)
    assert paths(walk) == ["a/1.png", "z.png"]
    assert walk.unreadable == {"secret": "Permission denied"}


def test_links_are_followed_into_folders_that_are_allowed_only(tmp_path: Path) -> None:
    put(tmp_path, "in/1.png", "store/2.png", "other/3.png")
    (tmp_path / "in" / "store").symlink_to(tmp_path / "store")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "other")
    (tmp_path / "store" / "round").symlink_to(tmp_path / "store")
    found = [(entry.path, entry.kind) for entry in Walk(tmp_path / "in", links=[tmp_path / "store"])]
    assert found == [("1.png", "file"), ("other", "link"), ("store/2.png", "file"), ("store/round", "link")]


def test_link_targets_are_the_folders_that_links_lead_to(tmp_path: Path) -> None:
    put(tmp_path, "store/ab/1", "store/cd/2", "in/own/3.png", "home/x.png")
    for name, target in (("1.png", "store/ab/1"), ("2.png", "store/cd/2"), ("3.png", "in/own/3.png"),
                         ("gone.png", "nothing"), ("home.png", "home/x.png")):  # fmt: skip
        (tmp_path / "in" / name).symlink_to(tmp_path / target)
    assert link_targets(tmp_path / "in", own=[tmp_path / "home"]) == [tmp_path / "store"]


@pytest.mark.parametrize(
    ("name", "suffix"), [("1.PNG", ".png"), ("a.b.jfif", ".jfif"), ("1", ""), (".png", ""), ("x.", ".")]
)
def test_suffix(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix
