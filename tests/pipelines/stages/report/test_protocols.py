"""The sentences on protocols: figures in, plain words out."""

import pytest

from pipelines.pages import charts
from pipelines.stages.evaluate.protocols import PROTOCOLS
from pipelines.stages.report import protocols

KINDS = ("noise", "blur", "contrast", "geometric")
DAMAGED = {f"{kind}_{s}": 0.9 - 0.1 * s for kind in KINDS for s in range(1, 6)}
FIGURES = {
    "retrieval": {"recall_1": 0.77, "recall_5": 0.9, "recall_10": 0.9675, "map_at_r": 0.41134, "reciprocal_rank": 0.8,
                  "samples": 2000},
    "clustering": {"accuracy": 0.612, "purity": 0.65, "nmi": 0.58, "ari": 0.49, "samples": 4000},
    "corruptions": {**DAMAGED, "clean": 0.785, "mean": 0.66, "samples": 400},
    "low_shot": {"accuracy_1_percent": 0.55, "deviation_1_percent": 0.03, "labels_1_percent": 10,
                 "accuracy_10_percent": 0.7, "deviation_10_percent": 0.01, "labels_10_percent": 100},
    "fine_tuning": {"accuracy": 0.77, "labels": 100},
    "freezing": {"accuracy": 0.73, "labels": 100},
    "lora": {"accuracy": 0.75, "labels": 100},
    "segmentation": {"mean_iou": 0.4, "nothing": 0.08, "scenes": 150},
    "detection": {"average_precision": 0.31, "scenes": 150},
    "pair_retrieval": {f"{way}_{k}": share for way, share in (("image_to_text", 0.25), ("text_to_image", 0.375))
                       for k in ("1", "1_low", "1_high", "10", "10_low", "10_high")}
                      | {f"{kind}_{way}_10": share for way in ("image_to_text", "text_to_image")
                         for kind, share in (("ridge", 0.111), ("plain", 0.055))} | {"samples": 450},
    "zero_shot": {"accuracy": 0.41, "accuracy_low": 0.37, "accuracy_high": 0.46, "most_frequent": 0.216,
                  "samples": 450},
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("retrieval", ["same class in 77.0 %", "ten nearest in 96.8 %", "mAP@R 0.411", "2,000 test samples"]),
        ("clustering", ["name 61.2 % right", "NMI 0.580, ARI 0.490", "4,000"]),
        ("corruptions", ["78.5 % on the pictures as they are", "66.0 % on average", "400 test samples"]),
        ("low_shot", ["55.0 % (± 3.0 %) with 1 % of the labels, which is 10", "70.0 %", "which is 100"]),
        ("fine_tuning", ["All layers", "trained on 100 labels: right in 77.0 %"]),
        ("freezing", ["The head alone", "73.0 %"]),
        ("lora", ["Low-rank deltas of rank 8", "75.0 %"]),
        ("segmentation", ["150 composed scenes", "overlap of 0.400", "0.080 would come of"]),
        ("detection", ["average precision of 0.310"]),
        (
            "pair_retrieval",
            [
                "the caption of an image is the first of 450 in 25.0 % (25.0 % to 25.0 %)",
                "the image of a caption is the first of 450 in 37.5 %",
                "both encoders 11.1 %",
                "between pixels and tf-idf 5.5 %",
            ],
        ),
        ("zero_shot", ["without a label, 41.0 % (37.0 % to 46.0 %) of the images are right", "in 21.6 %"]),
    ],
)
def test_every_protocol_has_its_sentence(name, words):
    text = protocols.sentence(name, FIGURES[name])
    assert all(part in text for part in words), text


def test_the_list_is_of_all_there_are():
    assert set(FIGURES) == set(PROTOCOLS)


def test_the_line_of_each_damage_begins_at_the_clean_figure(monkeypatch):
    drawn = {}
    monkeypatch.setattr(charts, "uri", lambda figure: drawn.update(
        {line.get_label(): list(line.get_ydata()) for line in figure.axes[0].lines}) or "drawn")  # fmt: skip
    made = protocols.sections({"protocols": {"figures": FIGURES, "left_out": {"detection": "no maps"}}})
    assert made["corruptions_chart"] == "drawn"
    assert set(drawn) == set(KINDS)
    assert drawn["blur"] == pytest.approx([0.785, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert made["protocols"][-1] == {"name": "detection", "text": "left out: no maps"}


def test_nothing_asked_leaves_no_section():
    assert not any(protocols.sections({}).values())
    assert not any(protocols.sections({"protocols": {"figures": {}, "left_out": {}}}).values())
