from pathlib import Path

import numpy as np
import pytest
import torch

from components.errors import UserError
from components.modalities.sound.config import SoundConfig, SoundPacking
from components.modalities.sound.modality import Sounds
from components.modalities.sound.packed import GAP, PackedSounds
from tests.components.modalities.sound.toys import batches, encoded, tone

CONFIG = SoundConfig(rate=8_000, seconds=0.1)


def pack(given: list[bytes], folder: Path, config: SoundConfig = CONFIG, size: int = 5):
    sounds = Sounds(config)
    written = sounds.pack(batches(given, size), len(given), folder)
    return written, PackedSounds.open({k: folder / f for k, f in written.files.items()}, config.length)


def test_sounds_stand_one_after_another(tmp_path: Path) -> None:
    frames = [(1000 * np.arange(1, n)).astype(np.int16)[:, None] for n in (161, 201, 300)]
    written, packed = pack([encoded(one) for one in frames], tmp_path)
    assert written.samples == 3
    assert packed.offsets.tolist() == [0, 160, 360, 659]
    seen = packed.gather(torch.tensor([2, 0]))
    assert seen.shape == (2, 1, 800)
    for row, one in zip(seen, (frames[2], frames[0]), strict=True):
        assert row[0, : len(one)].tolist() == one[:, 0].clip(-32767).tolist()
        assert (row[0, len(one) :] == GAP).all()


def test_channels_stay_apart(tmp_path: Path) -> None:
    two = np.stack([np.arange(200), -np.arange(200)], axis=1).astype(np.int16)
    _, packed = pack([encoded(two)], tmp_path, CONFIG.model_copy(update={"channels": 2}))
    assert packed.row(0).tolist() == two.T.tolist()
    assert packed.gather(torch.tensor([0]))[0, :, :200].tolist() == two.T.tolist()


def test_what_cannot_be_read_is_named_by_its_place_and_has_no_row(tmp_path: Path) -> None:
    good = [encoded(tone(0.05, pitch=200.0 + k)) for k in range(3)]
    written, packed = pack([good[0], b"words", good[1], b"", good[2]], tmp_path, size=2)
    assert sorted(written.unreadable) == [1, 3]
    assert written.unreadable[3] == "empty"
    assert len(packed) == written.samples == 3
    assert packed.row(1).tolist() == Sounds(CONFIG).stored(good[1], SoundPacking(read_as=CONFIG)).tolist()


def test_notes_say_what_was_cut_and_what_may_be_clipped(tmp_path: Path) -> None:
    given = [encoded(tone(0.5)), encoded(tone(0.05)), encoded(tone(0.05, level=1.0)), encoded(tone(0.06))]
    written, _ = pack(given, tmp_path)
    assert written.notes == [
        "25 % of the sounds fill the 0.1 s of modality.seconds; of longer ones the middle is used (modality.cut)",
        "1 sound reaches full scale and may be clipped",
    ]


def test_sounds_that_are_all_the_same_are_refused(tmp_path: Path) -> None:
    sounds, same = Sounds(CONFIG), [encoded(tone(0.05))] * 4
    written = sounds.pack(batches(same), 4, tmp_path)
    with pytest.raises(UserError, match="all 4 training samples are the same sound"):
        sounds.packing(written, tmp_path, np.arange(4))


def test_which_models_read_which_sounds() -> None:
    one = SoundPacking(read_as=CONFIG)
    assert one.reads(SoundPacking(read_as=CONFIG.model_copy(update={"seconds": 3.0, "cut": "loudest"})))
    assert not one.reads(SoundPacking(read_as=CONFIG.model_copy(update={"rate": 16_000})))
    assert not one.reads(SoundPacking(read_as=CONFIG.model_copy(update={"channels": 2})))


def test_a_shorter_use_of_longer_rows(tmp_path: Path) -> None:
    written, _ = pack([encoded(tone(0.1))], tmp_path)
    files = {k: tmp_path / f for k, f in written.files.items()}
    assert PackedSounds.open(files, 500).row(0).shape == (1, 500)
