from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from components.data.table import Table
from components.evaluation.classification import figures
from components.evaluation.classification.bootstrap import paired_difference
from components.evaluation.classification.conformal import Sets
from components.registry.class_checks import beyond_chance, worst_class
from components.registry.gate import GateConfig
from components.registry.model import Classifier, ModelConfig, load_classifier
from components.registry.served import save_model
from pipelines.engine.artifact import Artifact
from pipelines.registry.candidates import Portfolio, Row
from pipelines.stages.evaluate import classification as evaluate
from pipelines.stages.evaluate.benefit import measure_benefit
from pipelines.stages.evaluate.classification import Request
from pipelines.stages.evaluate.metrics import with_training_noise
from pipelines.stages.finetune import classification as finetune
from pipelines.stages.finetune.cross_fit import Held
from tests.pipelines.stages.tiny import CLASSES, ENCODER, TEST, context

WRONG = 4  # the place among the labels of one that the cross-fitted answers deny
ABOVE = {name: f"{name}/0" for name in ("snapshot", "pretrain", "embed", "pseudo_label", "finetune")}


def prepare(home, labels, *, skipped=None, scratch=True, temperature=0.5):
    """Fine-tuning is stood in for by the frozen encoder with a random head; scratch by another."""
    here = context(home, labels)
    at = here.store / "finetune" / "0"
    at.mkdir(parents=True)
    if skipped:
        here.outputs["finetune/0"] = finetune.Output(skipped=skipped)
        return here
    above = here.outputs["snapshot/0"]
    files = {}
    for seed, name in enumerate(("model", "scratch", "alone")):
        torch.manual_seed(seed)
        config = ModelConfig(
            encoder=ENCODER, packing=above.packing, classes=CLASSES,
            temperature=temperature, sets=Sets(miss=0.1, thresholds=(0.7,) * 3) if name == "model" else None,
        )  # fmt: skip
        files[name] = [Artifact.of(file, at) for file in save_model(Classifier(config), at / name)]
    table = Table.load(here.file("snapshot/0", above.table))
    known = table.label[table.labelled_rows()].astype(np.int64)
    answered = 3.0 * np.eye(3)[known]
    answered[WRONG] = 9.0 * np.eye(3)[(known[WRONG] + 1) % 3]  # surer than of those that it has right
    Held(answered, known, np.arange(len(known)), np.arange(len(known)) % 3).save(
        at / "held.parquet", table.labelled_rows()
    )
    here.outputs["finetune/0"] = finetune.Output(
        model=files["model"][0], config=files["model"][1], held=Artifact.of(at / "held.parquet", at),
        method="fixmatch", alone=files["alone"][0], alone_config=files["alone"][1],
        scratch=files["scratch"][0] if scratch else None,
        scratch_config=files["scratch"][1] if scratch else None,
    )  # fmt: skip
    return here


def run(here, **options):
    folder = here.store / "evaluate" / "0"
    folder.mkdir(parents=True)
    return evaluate.run(Request(**ABOVE, **options), folder, here), folder


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    here = prepare(tmp_path_factory.mktemp("home"), {0: 6, 1: 6, 2: 6})
    return *run(here, bootstrap=300), here


def test_predictions_are_the_test_rows_and_nothing_else(measured):
    output, folder, here = measured
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    found = pq.read_table(folder / output.predictions.path).to_pandas()
    rows = table.test_rows()
    assert output.samples == len(found) == TEST
    assert list(found.columns) == ["id", "label", "class", "confidence", "p_0", "p_1", "p_2"]
    assert found["id"].tolist() == table.ids[rows].tolist()
    assert found["label"].tolist() == [CLASSES[k] for k in table.label[rows]]
    p = found[["p_0", "p_1", "p_2"]].to_numpy()
    np.testing.assert_allclose(p.sum(1), 1)
    np.testing.assert_allclose(found["confidence"], p.max(1))
    assert found["class"].tolist() == [CLASSES[k] for k in p.argmax(1)]


def test_figures_equal_scikit_learn_on_the_predictions(measured):
    output, folder, _ = measured
    found = pq.read_table(folder / output.predictions.path).to_pandas()
    accuracy = accuracy_score(found["label"], found["class"])
    assert output.metrics["accuracy"] == pytest.approx(accuracy)
    assert output.metrics["macro_f1"] == pytest.approx(
        f1_score(found["label"], found["class"], average="macro")
    )
    assert output.metrics["accuracy_low"] <= accuracy <= output.metrics["accuracy_high"]
    assert np.trace(output.confusion) == round(accuracy * TEST)
    assert sum(row.support for row in output.per_class.values()) == TEST
    assert list(output.per_class) == CLASSES


def test_the_margin_is_against_the_better_baseline(measured):
    output, _, _ = measured
    assert set(output.baselines) == {"scratch", "logistic_plain", "knn_plain"}
    assert set(output.frozen) == {"knn", "probe"}
    best = max(output.baselines.values())
    assert output.baselines[output.best_baseline] == best
    assert output.metrics["margin"] == pytest.approx(output.metrics["accuracy"] - best)
    for name, figure in output.differences.items():
        other = {**output.baselines, **output.frozen, "alone": output.intervals["alone"].value}[name]
        assert figure.value == pytest.approx(output.metrics["accuracy"] - other)
        assert figure.low <= figure.value <= figure.high


def test_differences_are_widened_by_the_training_noise_of_both(measured):
    """18 labels: .1 / sqrt(18) a training; of a network the other's too, of a regression only the model's."""
    output, folder, here = measured
    assert output.training_deviation == pytest.approx(0.1 / 18**0.5)
    found = pq.read_table(folder / output.predictions.path).to_pandas()
    ours = (found["label"] == found["class"]).to_numpy()
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    rows = table.test_rows()
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].arrays["images"]))
    with torch.no_grad():
        shown = torch.from_numpy(images[rows]).float() / 255
        alone = load_classifier(here.store / "finetune" / "0" / "alone")(shown).argmax(1).numpy()
    narrow = paired_difference(ours, alone == table.label[rows], resamples=300, seed=0)
    reach = 1.959964 * 2**0.5 * output.training_deviation
    assert output.differences["alone"].low == pytest.approx(
        narrow.value - np.hypot(narrow.value - narrow.low, reach)
    )
    plain = output.differences["probe"]
    assert plain.value - plain.low >= 1.959964 * output.training_deviation
    assert output.metrics["margin_low"] == output.differences[output.best_baseline].low
    sharper = output.intervals["model"]
    assert sharper == figures.share(ours)  # the accuracy's own is over test samples alone


def test_two_trainings_are_noisier_than_one():
    difference = figures.Figure(value=0.1, low=0.1, high=0.1)
    reach = {
        name: with_training_noise(name, difference, 0.01).high - 0.1 for name in ("scratch", "knn_plain")
    }
    assert reach["knn_plain"] == pytest.approx(0.0196, abs=1e-4)
    assert reach["scratch"] == pytest.approx(0.0196 * 2**0.5, abs=1e-4)


def test_a_baseline_that_is_part_of_the_model_is_not_the_best_one(tmp_path, measured):
    every = measured[0]
    here = prepare(tmp_path, {0: 6, 1: 6, 2: 6})
    tuned = here.outputs["finetune/0"]
    here.outputs["finetune/0"] = tuned.model_copy(update={"made_of": (every.best_baseline,)})
    output = run(here, bootstrap=300)[0]
    assert output.baselines == every.baselines
    others = {name: value for name, value in every.baselines.items() if name != every.best_baseline}
    assert output.best_baseline in others
    assert output.metrics["margin"] == pytest.approx(output.metrics["accuracy"] - max(others.values()))
    assert any(f"left out of the margin: {every.best_baseline} " in line for line in here.said)


@pytest.mark.parametrize(
    ("keep", "said"),
    [
        (1, "there is 1 test sample, so the accuracy does not show whether"),
        (None, "test samples are of one class, so the accuracy does not show whether"),
    ],
)
def test_a_test_set_that_shows_nothing_ends_in_a_sentence(tmp_path, keep, said):
    """One test sample; test samples of one class only."""
    here = prepare(tmp_path, {0: 6, 1: 6, 2: 6})
    at = here.store / "snapshot" / "0"
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    rows = table.test_rows()[table.label[table.test_rows()] == 1][:keep]
    label = np.where((table.split == "test") & ~np.isin(np.arange(len(table.label)), rows), -1, table.label)
    Table(table.ids, table.shards, table.split, label).save(at / "t.parquet")
    shown = here.outputs["snapshot/0"]
    here.outputs["snapshot/0"] = SimpleNamespace(
        **{**vars(shown), "table": Artifact.of(at / "t.parquet", at)}
    )
    output, _ = run(here, bootstrap=50)
    assert output.samples == len(rows)
    assert [row.support for row in output.per_class.values()] == [0, len(rows), 0]
    assert any(said in warning for warning in output.benefit.warnings)
    check = worst_class({name: row.model_dump() for name, row in output.per_class.items()}, GateConfig())
    assert "2 classes without a test sample not judged" in check.why
    kappa = output.benefit.kappa.model_dump()
    refused = beyond_chance(kappa, {name: row.model_dump() for name, row in output.per_class.items()})
    assert (refused.passed, "label some of another" in refused.why) == (False, True)


def test_the_advice_is_given_by_the_portfolio(tmp_path, monkeypatch):
    here, seen = prepare(tmp_path, {0: 6, 1: 6, 2: 6}), []
    rows = [Row(name=name, accuracy=0.5, loss=1.0, weight=0.5) for name in ("method", "alone")]
    told = Portfolio(served="committee", reason="", rows=rows, accuracy=0.5, loss=1.0)
    tuned = here.outputs["finetune/0"].model_copy(update={"portfolio": told})
    here.outputs["finetune/0"] = tuned
    monkeypatch.setattr(
        evaluate, "measure_benefit", lambda *a, **k: seen.append(k["portfolio"]) or measure_benefit(*a, **k)
    )
    run(here, bootstrap=50)
    assert seen == [told]


def test_a_class_without_a_test_sample_is_measured_without_it(tmp_path):
    here = prepare(tmp_path, {0: 6, 1: 6, 2: 6})
    at = here.store / "snapshot" / "0"
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    label = np.where((table.split == "test") & (table.label == 2), -1, table.label)
    Table(table.ids, table.shards, table.split, label).save(at / "t.parquet")
    shown = here.outputs["snapshot/0"]
    here.outputs["snapshot/0"] = SimpleNamespace(
        **{**vars(shown), "table": Artifact.of(at / "t.parquet", at)}
    )
    output, _ = run(here, bootstrap=50)
    assert output.per_class[CLASSES[2]].support == 0
    assert output.sets.worst_class in CLASSES[:2]


def test_before_the_temperature_is_without_it(tmp_path):
    plain = run(prepare(tmp_path, {0: 6, 1: 6, 2: 6}, temperature=1.0), bootstrap=10)[0]
    assert plain.metrics["ece"] == pytest.approx(plain.metrics["ece_before"])
    (tmp_path / "b").mkdir()
    sharp = run(prepare(tmp_path / "b", {0: 6, 1: 6, 2: 6}, temperature=0.25), bootstrap=10)[0]
    assert sharp.metrics["ece_before"] == pytest.approx(plain.metrics["ece"], abs=1e-5)
    assert sharp.metrics["log_loss_before"] == pytest.approx(plain.metrics["log_loss"], abs=1e-5)
    assert sharp.metrics["log_loss"] != pytest.approx(plain.metrics["log_loss"], abs=1e-3)
    assert sum(b.count for b in sharp.reliability) == TEST


def test_clusters_and_health(measured):
    output, _, _ = measured
    assert set(output.clusters) == {"accuracy", "purity", "nmi", "ari", "named"}
    assert output.clusters["named"] <= output.clusters["purity"] + 1e-9
    assert {"std", "spread", "effective_rank", "effective_rank_fraction"} <= set(output.health)
    assert -4 < output.health["uniformity"] < 0
    assert 0 < output.health["effective_rank_fraction"] <= 1.001


def test_sets_are_measured_on_the_test_samples(measured):
    output, folder, _ = measured
    found = pq.read_table(folder / output.predictions.path).to_pandas()
    p, label = found[["p_0", "p_1", "p_2"]].to_numpy(), np.array([CLASSES.index(n) for n in found["label"]])
    inside = (p >= 0.3) | (p == p.max(axis=1, keepdims=True))  # 1 - p <= .7
    assert output.sets.promised == pytest.approx(0.9)
    assert output.sets.coverage.value == pytest.approx(inside[np.arange(TEST), label].mean())
    assert output.sets.size == pytest.approx(inside.sum(axis=1).mean())
    worst = min(inside[label == k, k].mean() for k in range(3))
    assert output.sets.worst_coverage == pytest.approx(worst)


def test_the_one_label_that_cross_fitting_denies_is_suspected(measured):
    output, _, here = measured
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    row = table.labelled_rows()[WRONG]
    assert (output.suspects.checked, output.suspects.found) == (18, 1)
    suspect = output.suspects.worst[0]
    assert (suspect.row, suspect.id) == (row, table.ids[row])
    assert output.suspects.disputed == 1
    assert output.suspects.precision > 0.9
    assert suspect.wrong > 0.9
    assert output.suspects.why == ""
    assert suspect.label == CLASSES[table.label[row]]
    assert suspect.likely == CLASSES[(table.label[row] + 1) % 3]


def test_outliers_are_training_samples_and_few_test_samples_are_called_one(measured):
    output, _, here = measured
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    assert all(table.split[s.row] == "train" and table.ids[s.row] == s.id for s in output.outliers.samples)
    scores = [s.score for s in output.outliers.samples]
    assert scores == sorted(scores, reverse=True)
    assert output.outliers.false_alarms.low <= 0.05 <= output.outliers.false_alarms.high + 0.05


def test_the_saving_ends_at_the_figures_of_all_labels(measured):
    output, _, _ = measured
    assert output.saving.sizes == [3, 5, 7, 12, 18]
    assert output.saving.ours[-1] == pytest.approx(output.frozen["probe"])
    assert output.saving.alone[-1] == pytest.approx(output.baselines["logistic_plain"])


def test_the_cheap_protocols_are_followed_without_being_asked(measured):
    output, _, _ = measured
    assert set(output.protocols.figures) == {"retrieval", "clustering", "corruptions"}
    assert output.protocols.left_out == {}
    damaged = output.protocols.figures["corruptions"]
    assert damaged["samples"] == TEST
    assert damaged["clean"] == pytest.approx(output.metrics["accuracy"])


def test_the_method_is_judged_by_the_labels_alone_on_the_same_samples(measured):
    output, folder, here = measured
    found = pq.read_table(folder / output.predictions.path).to_pandas()
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].arrays["images"]))[table.test_rows()]
    alone = load_classifier(here.store / "finetune" / "0" / "alone")
    with torch.no_grad():
        answered = alone(torch.from_numpy(images).float() / 255).argmax(1).numpy()
    ours = (found["label"] == found["class"]).mean()
    theirs = (answered == table.label[table.test_rows()]).mean()
    assert output.differences["alone"].value == pytest.approx(ours - theirs)
    assert output.benefit.difference == output.differences[output.benefit.rival]
    assert output.benefit.difference.value == pytest.approx(ours - max(theirs, output.frozen["probe"]))
    assert output.benefit.method == "fixmatch"
    kappa = cohen_kappa_score(found["label"], found["class"])
    assert output.benefit.kappa.value == pytest.approx(kappa)
    assert bool(output.benefit.warnings) == (output.benefit.kappa.low <= 0)
    assert output.benefit.line in here.said


def test_same_request_same_output(measured, tmp_path):
    output, _, here = measured
    (other := tmp_path / "evaluate").mkdir()
    again = evaluate.run(Request(**ABOVE, bootstrap=300), other, here)
    assert again == output


def test_test_labels_tune_nothing(measured, tmp_path, monkeypatch):
    """With the test labels turned round everybody answers the same: only what is counted changes."""
    _, _, here = measured
    told, given = figures.accuracies, []

    def accuracies(answers, labels, **how):
        given.append((answers, labels))
        return told(answers, labels, **how)

    monkeypatch.setattr(figures, "accuracies", accuracies)
    (tmp_path / "0").mkdir()
    evaluate.run(Request(**ABOVE, bootstrap=2), tmp_path / "0", here)
    at = here.store / "snapshot" / "0"
    table = Table.load(at / "table.parquet")
    label = table.label.copy()
    label[table.test_rows()] = (label[table.test_rows()] + 1) % 3
    Table(table.ids, table.shards, table.split, label).save(at / "turned.parquet")
    shown = here.outputs["snapshot/0"]
    turned = SimpleNamespace(**{**vars(shown), "table": Artifact.of(at / "turned.parquet", at)})
    monkeypatch.setitem(here.outputs, "snapshot/0", turned)
    (tmp_path / "1").mkdir()
    evaluate.run(Request(**ABOVE, bootstrap=2), tmp_path / "1", here)
    (first, labels), (second, others) = given
    assert (labels != others).all()
    assert set(first) == {"model", "alone", "probe", "knn", "logistic_plain", "knn_plain", "scratch"}
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_without_a_fine_tuned_model_there_are_clusters_and_health(tmp_path):
    output, folder = run(prepare(tmp_path, {}, skipped="no labels"))
    assert output.skipped == "no labels"
    assert output.predictions is None
    assert output.health["effective_rank"] > 1
    assert not list(folder.iterdir())


def test_without_scratch_the_other_baselines_stand(tmp_path):
    output, _ = run(prepare(tmp_path, {0: 6, 1: 6, 2: 6}, scratch=False), bootstrap=10)
    assert set(output.baselines) == {"logistic_plain", "knn_plain"}


def test_no_labelled_test_sample_is_skipped_with_a_word(tmp_path):
    here = prepare(tmp_path, {0: 6, 1: 6, 2: 6})
    at = here.store / "snapshot" / "0"
    table = Table.load(at / "table.parquet")
    Table(table.ids, table.shards, table.split, np.where(table.split == "test", -1, table.label)).save(
        at / "t.parquet"
    )
    shown = here.outputs["snapshot/0"]
    here.outputs["snapshot/0"] = SimpleNamespace(
        **{**vars(shown), "table": Artifact.of(at / "t.parquet", at)}
    )
    output, _ = run(here)
    assert "test" in output.skipped
    assert output.clusters == {}
