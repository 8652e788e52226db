import io
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.errors import UserError
from pipelines.labelling.sitting import SHEET
from tests.pipelines.labelling.bench import KINDS

A, B, C, D = (f"request-{k}" for k in range(4))


def test_without_a_training_samples_come_in_order_of_their_hashes(bench):
    with bench.sitting() as sitting:
        seen = []
        for k in range(3):
            shown = sitting.sample("next")
            seen.append(shown["id"])
            assert (shown["prediction"], shown["cluster"], shown["nearest"]) == ("", None, [])
            assert "drawn at random" in shown["why"]
            sitting.answer(f"request-{k}", "next", shown["id"], "dark")
        assert seen == sorted(bench.ids)[:3]
        assert "base64" in shown["html"]
        assert shown["name"].endswith(".png")


def test_the_list_of_the_report_comes_first_with_what_is_known(bench):
    listed = [next(id for id in bench.ids if bench.truth[id] == kind) for kind in KINDS]
    with bench.sitting() as before:
        testing = {id for id in bench.ids if before.shown(id)["use"] == "testing"}
    listed = [next(id for id in bench.ids if bench.truth[id] == kind and id not in testing) for kind in KINDS]
    bench.report([*listed, min(testing)])
    with bench.sitting() as sitting:
        shown = sitting.sample("next")
        assert shown["id"] == listed[0]
        assert (shown["prediction"], shown["confidence"], shown["cluster"]) == ("dark", 0.75, 10)
        assert shown["why"] == "reason 0"
        for k, id in enumerate(listed):
            assert sitting.sample("next")["id"] == id
            sitting.answer(f"request-{k}", "next", id, "dark")
        tested = sitting.sample("next")
        assert tested["id"] == min(testing)
        assert (tested["use"], tested["prediction"], tested["cluster"]) == ("testing", "", None)
        sitting.answer(D, "next", tested["id"], "dark")
        assert sitting.sample("next")["id"] == min(set(bench.ids) - {*listed, min(testing)})


def test_samples_of_the_list_that_got_a_label_elsewhere_are_left_out(bench):
    first, second = sorted(bench.ids)[-2:]
    bench.report([first, second])
    (bench.inbox / "labels.csv").write_text(f"id,label\n{first},dark\n")
    bench.ingest()
    bench.snapshot("2" * 16)
    with bench.sitting() as sitting:
        assert sitting.sample("next")["id"] == second


def test_labels_reach_the_next_snapshot(bench):
    with bench.sitting() as sitting:
        for k, kind in enumerate([*KINDS, "dark", None, "light"]):
            id = sitting.sample("next")["id"]
            sitting.answer(f"request-{k}", "next", id, kind)
        sitting.undo("request-undo")
        wanted = {id: answer.label for id, answer in sitting._said.last.items() if answer.label}
    assert len(wanted) == 4
    bench.ingest()
    assert bench.labels().labels == wanted
    made = bench.snapshot("2" * 16)
    assert made.labelled + made.tests == 4
    assert made.classes == ["dark", "grey", "light"]
    with bench.sitting() as sitting:
        assert sitting.progress()["data"] == 4
        assert not set(wanted) & set(sitting._queues["next"].ids)


def test_undo_after_an_ingest_withdraws_the_label(bench):
    with bench.sitting() as sitting:
        id = sitting.sample("next")["id"]
        sitting.answer(A, "next", id, "dark")
        bench.ingest()
        assert bench.labels().labels == {id: "dark"}
        assert sitting.undo(B) == [id]
        assert sitting.sample("next")["id"] == id
        bench.ingest()
        assert bench.labels().labels == {}


def test_undo_of_a_corrected_label_brings_back_the_one_of_the_data(bench):
    first = bench.ids[0]
    (bench.inbox / "labels.csv").write_text(f"id,label\n{first},dark\n")
    bench.ingest()
    bench.snapshot("2" * 16)
    bench.report([], suspects={"worst": [{"id": first, "label": "dark", "likely": "light", "wrong": 0.9}]})
    with bench.sitting() as sitting:
        shown = sitting.sample("doubted")
        assert (shown["id"], shown["label"], shown["prediction"]) == (first, "dark", "light")
        assert shown["confidence"] is None
        sitting.answer(A, "doubted", first, "light")
        assert sitting.sample("doubted") is None
        sitting.undo(B)
        assert sitting._said.labels == {}
        assert sitting.sample("doubted")["id"] == first
    bench.ingest()
    assert bench.labels().labels == {first: "dark"}


def test_undo_of_a_corrected_label_that_came_with_its_delivery_brings_that_back(bench):
    picture = io.BytesIO()
    Image.new("L", (8, 8), 7).save(picture, "PNG")
    delivery = pa.table({"name": ["a"], "image": [picture.getvalue()], "label": ["dark"]})
    pq.write_table(delivery, bench.inbox / "labelled.parquet")
    bench.ingest()
    (first,) = bench.labels().labels
    bench.snapshot("2" * 16)
    with bench.sitting() as sitting:
        sitting.answer(A, "next", first, "light")
        bench.ingest()
        assert bench.labels().labels == {first: "light"}
        sitting.undo(B)
    bench.ingest()
    assert bench.labels().labels == {first: "dark"}


def test_undo_goes_back_answer_by_answer_and_once_a_request(bench):
    with bench.sitting() as sitting:
        one, two = sorted(bench.ids)[:2]
        sitting.answer(A, "next", one, "dark")
        sitting.answer(B, "next", two, "grey")
        assert sitting.undo(C) == [two]
        assert sitting.undo(C) == []
        assert sitting._said.labels == {one: "dark"}
        assert sitting.undo(D) == [one]
        assert sitting.undo("request-5") == []


def test_a_cluster_is_labelled_at_once_and_undone_at_once(bench):
    bench.report([])
    with bench.sitting() as sitting:
        sheet = sitting.sheet(11)
        ids = [one["id"] for one in sheet["samples"]]
        assert {bench.truth[id] for id in ids} == {"grey"}
        assert len(ids) <= SHEET
        sitting.answer(A, "next", ids[0], "grey")
        assert ids[0] not in [one["id"] for one in sitting.sheet(11)["samples"]]
        sitting.label_all(B, ids[1:], "grey")
        assert sitting.sheet(11)["samples"] == []
        assert sitting.progress()["own"] == len(ids)
        assert set(sitting.undo(C)) == set(ids[1:])
        assert sitting.progress()["own"] == 1
        assert sitting.sheet(99) == {"cluster": 99, "samples": [], "left": 0}


def test_the_nearest_labelled_samples_are_those_of_its_kind(bench):
    with bench.sitting() as sitting:
        chosen = [id for id in bench.ids if sitting.shown(id)["use"] == "training"]
    lines = [f"{id},{bench.truth[id]}" for id in chosen[:24]]
    (bench.inbox / "labels.csv").write_text("\n".join(["id,label", *lines]) + "\n")
    bench.ingest()
    bench.snapshot("2" * 16)
    bench.report([])
    with bench.sitting() as sitting:
        other = chosen[30]
        near = sitting.shown(other)["nearest"]
        assert [one["label"] for one in near] == [bench.truth[other]] * 4


def test_a_skipped_sample_comes_last(bench):
    with bench.sitting() as sitting:
        first = sitting.sample("next")["id"]
        sitting.skip("next", first)
        assert sitting.sample("next")["id"] == sorted(bench.ids)[1]
        for k, id in enumerate(sorted(bench.ids)[1:]):
            sitting.answer(f"request-{k}", "next", id, "dark")
        assert sitting.sample("next")["id"] == first


def test_two_annotators_disagree_and_it_is_shown_counted_and_ingested_as_a_contradiction(bench):
    one, two, three = sorted(bench.ids)[:3]
    with bench.sitting("ana") as ana, bench.sitting("ben") as ben:
        for k, (id, label, other) in enumerate(
            [(one, "dark", "dark"), (two, "dark", "grey"), (three, "grey", "grey")]
        ):
            ana.answer(f"request-{k}", "next", id, label)
            ben.answer(f"request-{k}", "next", id, other)
        ana.refresh()
        # Equal 2 of 3; by chance 2/3 * 1/3 + 1/3 * 2/3 = 4/9: kappa (2/3 - 4/9) / (5/9) = .4
        (found,) = ana.progress()["agreement"]
        assert (found["annotator"], found["both"], found["same"]) == ("ben", 3, 2)
        assert found["kappa"] == pytest.approx(0.4)
        assert ana.progress()["queues"]["disputed"] == 1
        shown = ana.sample("disputed")
        assert shown["id"] == two
        said = [(one["annotator"], one["label"]) for one in shown["said"]]
        assert said == [("ana", "dark"), ("ben", "grey")]
        bench.ingest()
        assert bench.labels().contradictory == {two: ["dark", "grey"]}
        ana.answer("request-8", "disputed", two, "dark")  # looked at again, and it stays
        assert ana.sample("disputed") is None
        assert ana.progress()["queues"]["disputed"] == 0
        ana.answer("request-9", "disputed", two, "grey")
        bench.ingest()
        assert bench.labels().labels == {one: "dark", two: "grey", three: "grey"}


def test_who_cannot_tell_disputes_no_label(bench):
    with bench.sitting("ana") as ana, bench.sitting("ben") as ben:
        one = ana.sample("next")["id"]
        ana.answer(A, "next", one, None)
        ben.answer(B, "next", one, "dark")
        ana.refresh()
        assert ana.progress()["queues"]["disputed"] == 0


def test_what_another_annotator_has_answered_is_not_asked_again_but_for_the_overlap(bench):
    with bench.sitting("ana", overlap=0.0) as ana, bench.sitting("ben", overlap=0.0) as ben:
        first = ana.sample("next")["id"]
        ana.answer(A, "next", first, "dark")
        ben.refresh()
        assert ben.sample("next")["id"] == sorted(bench.ids)[1]
        assert ben.progress()["queues"]["next"] == 59


def test_a_new_snapshot_and_a_new_report_are_taken_up(bench):
    with bench.sitting() as sitting:
        bench.deliver(6, seed=1)
        bench.ingest()
        bench.snapshot("2" * 16)
        last = sorted(bench.ids)[-1]
        bench.report([last])
        sitting.refresh()
        assert sitting.sample("next")["id"] == last
        assert sitting.progress()["queues"]["next"] == 66
        assert sitting.progress()["report"] == f"report/{'1' * 16}"


def test_expected_benefit_comes_from_the_curve_of_the_report(bench):
    saving = {"sizes": [10, 100, 1000], "ours": [0.6, 0.8, 0.9], "alone": [0.1, 0.2, 0.3]}
    bench.report(sorted(bench.ids)[:20], saving=saving)
    with bench.sitting() as sitting:
        found = sitting.progress()["expected"]
        assert found["labels"] == 1020
        assert found["accuracy"] == pytest.approx(1 - 0.4 * (1020 / 10) ** -0.30103, abs=1e-5)


def test_the_review_of_anomalies_follows_the_list_without_test_samples(bench):
    file = bench.root / "recipes" / "tones.yaml"
    file.write_text(file.read_text() + "task: {name: anomaly, anomalies: [fraud], normal: [ok]}\n")
    with bench.sitting() as sitting:
        testing = [id for id in bench.ids if sitting.shown(id)["use"] == "testing"]
    training = [id for id in bench.ids if id not in testing]
    bench.report(training[:1], review=[training[5], testing[0], training[3]])
    with bench.sitting() as sitting:
        assert sitting._queues["next"].ids[:3] == [training[0], training[5], training[3]]
        assert sitting._queues["next"].ids[3:] == sorted(set(bench.ids) - {training[k] for k in (0, 3, 5)})
        sitting.answer(A, "next", training[0], "fraud")
        sitting.answer(B, "next", training[1], "ok")
        with pytest.raises(UserError, match="one of ok, fraud"):
            sitting.answer(C, "next", training[2], "anomaly")
    bench.ingest()
    assert bench.labels().labels == {training[0]: "fraud", training[1]: "ok"}
    bench.snapshot("2" * 16)
    with bench.sitting() as sitting:
        assert sitting._catalogue.label(training[0]) == "fraud"
        assert [(one["name"], one["data"]) for one in sitting.progress()["classes"]] == [
            ("ok", 1),
            ("fraud", 1),
        ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("task: ranking\n", "task ranking"),
        ("task: {name: segmentation, classes: [a, b]}\n", "task segmentation"),
        ("ingest: {labels_from: null}\n", "labels_from None"),
    ],
)
def test_recipes_without_such_labels_are_refused(bench, text, why):
    file = bench.root / "recipes" / "tones.yaml"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("ingest")]
    file.write_text("\n".join(lines) + "\n" + text)
    with pytest.raises(UserError, match=why) as caught, bench.sitting():
        pass
    assert caught.value.code == "task-not-labelled"


def test_numbers_are_labels_of_a_regression(bench):
    file = bench.root / "recipes" / "tones.yaml"
    file.write_text(file.read_text() + "task: regression\n")
    with bench.sitting() as sitting:
        first, second = sorted(bench.ids)[:2]
        sitting.answer(A, "next", first, "1.5")
        sitting.answer(B, "next", second, "-1")
        with pytest.raises(UserError, match="no number"):
            sitting.answer(C, "next", first, "many")
        assert sitting.progress()["classes"] == []
    bench.ingest()
    assert bench.labels().labels == {first: "1.5", second: "-1"}


def test_a_recipe_without_samples_is_told_what_to_do(bench):
    shutil.rmtree(bench.settings.store / "snapshot")
    with pytest.raises(UserError, match="selfsup run tones --flow ingest"), bench.sitting():
        pass
