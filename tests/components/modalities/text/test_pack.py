import tracemalloc

import numpy as np
import pytest
import torch

from components.errors import UserError
from components.modalities.text.config import TextConfig, TextPacking
from components.modalities.text.modality import Texts
from components.modalities.text.packed import PackedTexts
from components.modalities.text.tokenizer import SPECIAL, tokenizer_of
from tests.components.modalities.text.toys import batches, sentences

CONFIG = TextConfig(length=12, vocabulary=160)


def packed(folder, samples, before=None, config=CONFIG, size=7):
    texts = Texts(config)
    folder.mkdir(exist_ok=True)
    written = texts.pack(batches(samples, size), len(samples), folder, before=before)
    files = {name: folder / file for name, file in written.files.items()}
    packing = texts.packing(written, folder, np.arange(written.samples))
    return written, packing, packing.open(files)


def test_rows_are_the_tokens_of_each_text_in_order(tmp_path):
    samples = sentences(40)
    written, packing, found = packed(tmp_path, samples)
    tokens = tokenizer_of(packing).encode([s.decode() for s in samples])
    assert written.samples == len(found) == 40
    assert all(np.array_equal(found.row(k), tokens[k]) for k in range(40))
    index = torch.tensor([7, 3, 39, 3])
    batch = found.gather(index)
    assert batch.dtype == torch.int64
    assert batch.shape == (4, max(len(tokens[k]) for k in index))
    for row, k in zip(batch, index.tolist(), strict=True):
        assert row[: len(tokens[k])].tolist() == tokens[k].tolist()
        assert not row[len(tokens[k]) :].any()


def test_index_counts_within_rows(tmp_path):
    _, _, found = packed(tmp_path, sentences(20))
    some = found.select(np.array([4, 9, 2]))
    assert len(some) == 3
    width = some.gather(torch.tensor([1])).shape[1]
    assert torch.equal(some.gather(torch.tensor([1])), found.gather(torch.tensor([9]))[:, :width])


def test_the_arrays_on_disk_are_plain(tmp_path):
    _, _, found = packed(tmp_path, sentences(20))
    tokens, offsets = np.load(tmp_path / "tokens.npy"), np.load(tmp_path / "offsets.npy")
    assert (tokens.dtype, offsets.dtype) == (np.int32, np.int64)
    assert offsets[0] == 0
    assert offsets[-1] == len(tokens)
    assert len(offsets) == 21
    assert isinstance(found.tokens, np.memmap)


def test_same_samples_same_bytes_however_they_come(tmp_path):
    for name, size in (("a", 7), ("b", 3), ("c", 100)):
        packed(tmp_path / name, sentences(50), size=size)
    made = {
        ((tmp_path / name / "tokens.npy").read_bytes(), (tmp_path / name / "offsets.npy").read_bytes())
        for name in "abc"
    }
    assert len(made) == 1


def test_a_later_snapshot_keeps_the_numbers_and_copies_rows(tmp_path):
    samples = sentences(40)
    _, packing, found = packed(tmp_path / "a", samples)
    later = [found.row(k) if k % 2 else samples[k] for k in range(40)] + [b"zebra quagga", b"the cat"]
    written, again, both = packed(tmp_path / "b", later, before=packing)
    assert again == packing
    assert written.samples == 42
    assert all(np.array_equal(both.row(k), found.row(k)) for k in range(40))


def test_what_cannot_be_read_has_no_row_and_a_reason(tmp_path):
    samples = [*sentences(5), b"a\0b", *sentences(4, seed=1), b"  "]
    written, _, found = packed(tmp_path, samples, size=4)
    assert written.unreadable == {5: "not text: NUL bytes", 10: "empty"}
    assert written.samples == len(found) == 9
    assert np.array_equal(found.row(5), packed(tmp_path, samples[:5] + samples[6:10])[2].row(5))


def test_notes(tmp_path):
    samples = [b"the cat sleeps " * 20, "Grüße".encode("latin-1"), *sentences(2)]
    written, _, _ = packed(tmp_path, samples)
    assert written.notes == [
        "50 % of the texts reach 12 tokens (modality.length) and are cut there",
        "1 text is neither UTF-8 nor UTF-16 and was read as Windows-1252",
    ]
    mail = b"Subject: cats\nFrom: a\n\nthe cat"
    assert packed(tmp_path, [mail, b"x"])[0].notes == [
        "of 1 mail the subject and the text of the body are used"
    ]


def test_equal_training_texts_are_refused(tmp_path):
    with pytest.raises(UserError, match="all 3 training samples are the same text"):
        packed(tmp_path, [b"the cat"] * 3)
    assert packed(tmp_path, [b"the cat", b"the cat", b"the dog"])[0].samples == 3


def test_a_packing_survives_json_and_knows_what_it_reads(tmp_path):
    _, packing, _ = packed(tmp_path, sentences(40))
    again = TextPacking.model_validate_json(packing.model_dump_json())
    assert again == packing
    assert packing.config == CONFIG
    longer = packing.model_copy(update={"read_as": CONFIG.model_copy(update={"length": 30})})
    assert packing.reads(longer)
    assert not packing.reads(packing.model_copy(update={"vocabulary": (*SPECIAL, "▁", "a")}))
    assert not packing.reads(
        packing.model_copy(update={"read_as": CONFIG.model_copy(update={"lower": False})})
    )


def test_memory_does_not_grow_with_the_samples(tmp_path):
    def peak(count):
        texts = Texts(CONFIG)

        def encoded():
            return (sentences(64, seed=k) for k in range(count))

        before = texts.placeholder()
        tracemalloc.start()
        texts.pack(encoded, 64 * count, tmp_path, before=before)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2)
    assert peak(64) < 1.5 * peak(4)


def test_pages_are_given_back(monkeypatch):
    tokens = np.arange(1000, dtype=np.int32) + 1
    found = PackedTexts(tokens, np.arange(0, 1001, 10))
    asked = []
    monkeypatch.setattr(found._pages, "release", asked.append)
    found.gather(torch.arange(20))
    assert asked == [20 * 2 * 4096 + 20 * 10 * 4]


def test_no_texts_at_all():
    found = PackedTexts(np.zeros(0, np.int32), np.zeros(1, np.int64))
    assert len(found) == 0
    assert found.gather(torch.empty(0, dtype=torch.int64)).shape == (0, 1)
