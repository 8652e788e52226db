"""Plans over stores that grow: what is counted, what is decided, and what then stands. Whole runs: test_retrain."""

import json

import pytest

from pipelines.engine import code_digest
from pipelines.registry import ancestry
from pipelines.stages.plan.stage import Request, observe
from tests.pipelines.stages.plan.grown import ASKED, MODALITY, Grown


@pytest.fixture
def grown(tmp_path):
    made = Grown(tmp_path)
    made.deliver(200)
    made.labels = {i: i % 2 for i in range(20)}
    return made


def test_without_a_champion_everything_is_trained_from_scratch(grown):
    made = grown.plan(grown.snapshot(), {})
    assert (made.decision, made.settled, made.parent, made.previous, made.champion) == (
        "scratch",
        {},
        None,
        None,
        None,
    )
    assert made.new_samples == 160


@pytest.fixture
def no_champion(monkeypatch):
    monkeypatch.setattr(ancestry, "observe", lambda model, settings, *more: {})


def observed(grown, snapshot):
    request = Request(snapshot=snapshot, model="toys", asked=ASKED)
    return observe(request, grown.settings, "toys")


def test_labels_that_come_before_the_first_champion_repeat_no_pretraining(grown, no_champion):
    labels, grown.labels = grown.labels, {}
    grown.champion(first := grown.snapshot())  # its runs, which no alias names: nothing was labelled
    assert "pretrained/pretrain" not in observed(grown, first)  # found by its own name
    grown.labels = labels
    seen = observed(grown, second := grown.snapshot())
    assert (seen["pretrained/pretrain"], seen["pretrained/embed"]) == ("pretrain/0", "embed/0")
    made = grown.plan(second, seen)
    assert (made.decision, made.settled, made.champion) == (
        "labels", {"pretrain": "pretrain/0", "embed": "embed/0"}, None,
    )  # fmt: skip
    assert "pretrain/0 was trained on the same images: its encoder stays" in made.reason
    assert grown.plan(second, seen, force="scratch").decision == "scratch"


@pytest.mark.parametrize("what", ["images", "tests", "recipe"])
def test_other_images_tests_or_recipes_are_pretrained_on_anew(grown, no_champion, what):
    grown.champion(grown.snapshot())
    if what == "images":
        grown.deliver(5)
    if what == "tests":
        grown.tests = {0}  # it was trained on
    snapshot = grown.snapshot()
    asked = {**ASKED, "pretrain": {**ASKED["pretrain"], "seed": int(what == "recipe")}}
    seen = observe(Request(snapshot=snapshot, model="toys", asked=asked), grown.settings, "toys")
    assert "pretrained/pretrain" not in seen
    assert grown.plan(snapshot, seen).decision == "scratch"


def test_the_same_again_settles_the_champions_runs(grown):
    seen = grown.champion(first := grown.snapshot(), previous="pseudo_label/before")
    made = grown.plan(grown.snapshot(), seen)  # another reference, the same content
    assert (made.decision, made.new_samples, made.old_samples, made.new_labels) == ("skip", 0, 160, 0)
    assert made.settled == {"snapshot": first, "pretrain": "pretrain/0", "embed": "embed/0"}
    assert (made.parent, made.previous) == (None, "pseudo_label/before")  # asked as before, so found
    assert (made.champion, made.drift, made.drifted) == ("7", [], False)
    assert made.age_days > 1000


def test_a_few_new_samples_wait(grown):
    seen = grown.champion(first := grown.snapshot())
    grown.deliver(5)
    made = grown.plan(grown.snapshot(), seen)
    assert (made.decision, made.new_samples, made.settled["snapshot"]) == ("skip", 4, first)
    assert "4 new samples are 2.5% of the 160" in made.reason


def test_new_labels_alone_keep_encoder_and_features(grown):
    seen = grown.champion(grown.snapshot())
    grown.labels |= {30: 1, 0: 1}  # one new, one corrected
    made = grown.plan(grown.snapshot(), seen)
    assert (made.decision, made.new_labels) == ("labels", 2)
    assert made.settled == {"pretrain": "pretrain/0", "embed": "embed/0"}
    assert made.previous == "pseudo_label/0"


def test_new_labels_with_a_few_new_samples_embed_anew_and_keep_the_encoder(grown):
    seen = grown.champion(grown.snapshot())
    grown.deliver(5)
    grown.labels[203] = 1
    made = grown.plan(grown.snapshot(), seen)
    assert (made.decision, made.settled) == ("labels", {"pretrain": "pretrain/0"})


def test_after_labels_became_a_champion_nothing_is_new(grown):
    """Its encoder knows the older snapshot, its head the newer one."""
    first = grown.snapshot()
    grown.labels[30] = 1
    second = grown.snapshot()
    seen = grown.champion(first, tuned=second, previous="pseudo_label/before")
    made = grown.plan(grown.snapshot(), seen)
    assert (made.decision, made.settled["snapshot"]) == ("skip", second)


def test_many_new_samples_warm_start_from_the_champion_and_each_counts_once(grown):
    first = grown.champion(grown.snapshot())
    grown.deliver(100)
    grown.deliver(50)
    warm = grown.plan(second := grown.snapshot(), first)
    assert (warm.decision, warm.parent, warm.previous, warm.settled) == (
        "warm",
        "pretrain/0",
        "pseudo_label/0",
        {},
    )
    assert (warm.new_samples, warm.old_samples) == (120, 160)
    seen = grown.champion(second, start="pretrain/0")
    grown.deliver(100)
    again = grown.plan(grown.snapshot(), seen)
    assert (again.new_samples, again.old_samples, again.parent) == (80, 280, "pretrain/1")


def test_generations_are_counted(grown):
    seen = grown.champion(grown.snapshot())
    for parent in range(3):
        seen = grown.champion(grown.snapshot(), start=f"pretrain/{parent}")
    grown.deliver(100)
    now = grown.snapshot()
    assert grown.plan(now, seen, generations=3).decision == "scratch"
    assert grown.plan(now, seen, generations=4).decision == "warm"


def test_one_odd_delivery_retrains_nothing_and_two_do(grown):
    grown.deliver(1500)
    seen = grown.champion(grown.snapshot())
    grown.deliver(40, bright=100)
    odd = grown.plan(grown.snapshot(), seen)
    assert (odd.decision, odd.drifted) == ("skip", False)
    assert [(w.delivery, w.samples, w.p) for w in odd.drift] == [("shard2", 32, 1 / 500)]
    grown.deliver(40, bright=100)
    two = grown.plan(grown.snapshot(), seen)
    assert (two.decision, two.drifted, two.parent) == ("warm", True, "pretrain/0")
    assert "at least 2 of the last 2 deliveries" in two.reason
    logged = (grown.settings.home / "plan" / "metrics.jsonl").read_text().splitlines()
    assert json.loads(logged[-1])["drift/p"] == 1 / 500


def test_deliveries_like_the_old_ones_do_not_drift(grown):
    grown.deliver(1500)
    seen = grown.champion(grown.snapshot())
    for _ in range(3):
        grown.deliver(26)
    made = grown.plan(grown.snapshot(), seen)
    assert (made.decision, made.drifted, len(made.drift)) == ("skip", False, 3)
    assert max(w.p for w in made.drift) > 0.05


@pytest.mark.parametrize(
    ("asked", "seen", "says"),
    [
        (
            {"asked": {**ASKED, "pretrain": {**ASKED["pretrain"], "seed": 1}}},
            {},
            "pretraining is another (seed)",
        ),
        (
            {"asked": {**ASKED, "pretrain": {"seed": 0, "train": {"epochs": 3}}}},
            {},
            "another (encoder, train)",
        ),
        (
            {"asked": {**ASKED, "pretrain": {**ASKED["pretrain"], "views": "photo", "local_views": {}}}},
            {},
            "another (local_views, views)",
        ),
        (
            {"on_code_change": "scratch"},
            {"code/pretrain": "0" * 16},
            "the code of pretraining is another",
        ),
        ({}, {"version/pretrain": "99"}, "pretraining is of version 99 now, not "),
        ({}, {"pretrain": "gone: pretrain/0"}, "the store no longer has pretrain/0"),
        ({}, {"finetune": "gone: finetune/0"}, "the store no longer has finetune/0"),
        ({"force": "scratch"}, {}, "because a person asked for it"),
    ],
)
def test_from_scratch_with_the_reason(grown, asked, seen, says):
    champion = grown.champion(grown.snapshot())
    grown.deliver(40)
    made = grown.plan(grown.snapshot(), {**champion, **seen}, **asked)
    assert (made.decision, made.settled, made.parent) == ("scratch", {}, None)
    assert says in made.reason
    assert (made.drift == []) == (
        "force" not in asked
    )  # an encoder of other code or shape is not asked to look


def test_what_only_says_how_to_warm_start_is_no_other_pretraining(grown):
    champion = grown.champion(grown.snapshot())
    asked = {**ASKED, "pretrain": {**ASKED["pretrain"], "warm": {"replay": 2.0}}}
    assert grown.plan(grown.snapshot(), champion, asked=asked).decision == "skip"


def test_another_modality_is_from_scratch_and_another_expectation_is_not(grown):
    seen = grown.champion(grown.snapshot())
    other = grown.plan(grown.snapshot(modality={"name": "image", "size": 9, "channels": 1}), seen)
    assert (other.decision, "modality is another" in other.reason) == ("scratch", True)
    assert grown.plan(grown.snapshot(expect=["x"]), seen).decision == "skip"


def test_a_range_that_is_named_later_is_no_other_pretraining_and_another_range_is(grown):
    """Without a range there was no grey of more than 8 bits, so that one that is named changes no sample."""

    def plan(champion, end):
        modality = {**MODALITY, "range": [0, end]}
        asked = {name: {**request, "modality": modality} for name, request in ASKED.items()}
        return grown.plan(grown.snapshot(modality=modality), champion, asked=asked)

    made = plan(grown.champion(grown.snapshot()), 4080)
    assert (made.decision, made.settled) == ("skip", {"pretrain": "pretrain/0", "embed": "embed/0"})
    other = plan(grown.champion(grown.snapshot(modality={**MODALITY, "range": [0, 255]})), 4080)
    assert (other.decision, "modality is another" in other.reason) == ("scratch", True)


def test_another_split_is_not_settled_away(grown):
    """The recipe's test share says something about today's snapshot: the champion's does not stand for it."""
    seen = grown.champion(grown.snapshot())
    made = grown.plan(grown.snapshot(test_share=0.1), seen)
    assert (made.decision, made.settled) == ("skip", {"pretrain": "pretrain/0", "embed": "embed/0"})


def test_a_test_sample_that_the_encoder_was_trained_on_spoils_it_over_generations(grown):
    first = grown.champion(grown.snapshot())
    grown.tests = {3}
    second = grown.snapshot()
    assert "was trained on 1 of what are test samples now" in grown.plan(second, first).reason
    later = grown.champion(second, start="pretrain/0")  # its own snapshot would not tell
    assert grown.plan(second, later).decision == "scratch"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ({"on_code_change": "warm"}, {"code/embed": "0" * 16}),
        ({"on_code_change": "scratch"}, {"code/embed": "0" * 16}),
        ({}, {"version/embed": "99"}),
    ],
)
def test_features_of_other_code_are_not_settled(grown, asked, seen):
    champion = grown.champion(grown.snapshot())
    made = grown.plan(grown.snapshot(), {**champion, **seen}, **asked)
    assert (made.decision, "embed" in made.settled) == ("skip", False)
    made = grown.plan(grown.snapshot(), champion, asked={**ASKED, "embed": {"batch_size": 3}})
    assert "embed" not in made.settled


EVERY = ASKED | {"pseudo_label": {"seed": 0}, "finetune": {"seed": 0}}
OTHER = {f"code/{stage}": "0" * 16 for stage in EVERY}


def test_other_code_of_the_same_version_leaves_champion_features_and_pseudo_labels_standing(grown):
    seen = grown.champion(first := grown.snapshot())
    made = grown.plan(grown.snapshot(), {**seen, **OTHER}, asked=EVERY)
    assert (made.decision, made.other_code) == ("skip", list(EVERY))
    assert made.settled == {"snapshot": first, **{stage: f"{stage}/0" for stage in EVERY}}
    assert made.reason == (
        "No new labels, and no new samples: version 7 stays. The code of pretrain, embed, pseudo_label, finetune is "
        "not that of version 7, with the same VERSION: what it made is kept (plan.on_code_change: keep)."
    )


def test_code_of_another_version_is_not_among_the_code_that_is_kept(grown):
    seen = grown.champion(grown.snapshot()) | {"version/embed": "99", "code/embed": "0" * 16}
    assert grown.plan(grown.snapshot(), seen).other_code == []


@pytest.mark.parametrize(("policy", "stands"), [("keep", True), ("warm", False), ("scratch", False)])
def test_a_snapshot_packed_by_other_code_stands_where_the_recipe_keeps_what_there_is(grown, policy, stands):
    seen = grown.champion(grown.snapshot())
    file = grown.settings.store / grown.snapshot() / "manifest.json"
    file.write_text(file.read_text().replace(json.loads(file.read_text())["code"], "0" * 64))
    made = grown.plan("snapshot/1", seen, on_code_change=policy)
    assert (made.decision, "snapshot" in made.settled) == ("skip", stands)


def test_what_comes_after_a_stage_that_is_made_anew_does_not_stand(grown):
    seen = grown.champion(grown.snapshot()) | OTHER | {"version/pseudo_label": "99"}
    made = grown.plan(grown.snapshot(), seen, asked=EVERY)
    assert made.settled.keys() == {"snapshot", "pretrain", "embed"}
    del seen["version/pseudo_label"]
    asked = {**EVERY, "finetune": {"seed": 1}}
    assert grown.plan(grown.snapshot(), seen, asked=asked).settled.keys() == {
        "snapshot", "pretrain", "embed", "pseudo_label",
    }  # fmt: skip


def test_other_code_of_pretraining_warrants_a_warm_start_where_the_recipe_says_so(grown):
    seen = grown.champion(grown.snapshot())
    made = grown.plan(grown.snapshot(), {**seen, "code/pretrain": "0" * 16}, on_code_change="warm")
    assert (made.decision, made.parent) == ("warm", "pretrain/0")
    assert "The code of pretraining is another, and plan.on_code_change is warm" in made.reason
    made = grown.plan(grown.snapshot(), {**seen, "code/finetune": "0" * 16}, on_code_change="warm")
    assert made.decision == "skip"  # its own code is no reason to train the encoder


@pytest.mark.parametrize(("policy", "decision"), [("keep", "labels"), ("scratch", "scratch")])
def test_without_a_champion_other_code_repeats_no_pretraining_either(
    grown, no_champion, policy, decision, monkeypatch
):
    grown.champion(snapshot := grown.snapshot())
    monkeypatch.setattr(code_digest, "code_digest", lambda stage, given: "0" * 64)
    request = Request(snapshot=snapshot, model="toys", asked=ASKED, on_code_change=policy)
    made = grown.plan(snapshot, observe(request, grown.settings, "toys"), on_code_change=policy)
    assert made.decision == decision


@pytest.mark.parametrize(
    "file", ["pretrain/0/encoder.safetensors", "pretrain/0/checkpoint", "finetune/0/model"]
)
def test_a_file_of_a_warm_start_that_is_gone_or_changed_is_named(grown, file):
    seen = grown.champion(grown.snapshot())
    (grown.settings.store / file).write_bytes(b"something")
    made = grown.plan(grown.snapshot(), seen)
    assert (made.decision, f"the store no longer has {file}" in made.reason) == ("scratch", True)


def test_a_forced_warm_start_needs_nothing_new(grown):
    seen = grown.champion(grown.snapshot())
    made = grown.plan(grown.snapshot(), seen, force="warm")
    assert (made.decision, made.parent, made.new_samples) == ("warm", "pretrain/0", 0)


def test_age_lowers_the_bar_and_is_observed(grown, monkeypatch):
    from pipelines.registry import ancestry

    seen = grown.champion(grown.snapshot())
    monkeypatch.setattr(ancestry, "observe", lambda model, settings, recipe: dict(seen))
    request = Request(snapshot="snapshot/0", model="toys", asked=ASKED, max_age_days=30)
    observed = observe(request, grown.settings, "toys")
    assert observed["old"] == "yes"
    assert "old" not in observe(request.model_copy(update={"max_age_days": None}), grown.settings, "toys")
    grown.deliver(5)
    assert grown.plan(grown.snapshot(), observed, max_age_days=30).decision == "warm"


def test_the_champion_as_mlflow_and_the_store_have_it(grown, caplog):
    """A real registry: none, then one, then one whose encoder is gone, then one that somebody deleted."""
    import shutil

    from components.registry.alias_moves import move
    from pipelines.registry.registry import journal_of, registry_of

    request = Request(snapshot="snapshot/0", model="toys", asked=ASKED)
    settings = grown.settings
    none = observe(request, settings, "toys")
    assert set(none) == {f"{what}/{stage}" for what in ("code", "version") for stage in ASKED}

    seen = grown.champion(grown.snapshot())
    registry = registry_of("toys", settings)
    client = registry.client
    made = client.get_experiment_by_name("toys")  # before a training that would register from it
    client.delete_experiment(made.experiment_id)
    assert observe(request, settings, "toys") == none
    assert client.get_experiment(made.experiment_id).lifecycle_stage == "active"
    assert "the experiment toys was deleted in MLflow; it is restored with its runs" in caplog.text
    client.create_registered_model("toys")
    tags = {f"selfsup.{key}": value for key, value in seen.items() if "/" in value}
    tags["selfsup.reference"] = registered = grown.finish("register")
    made = client.create_model_version("toys", "file:///nowhere", tags={**tags, "selfsup.digest": "d"})
    journal = journal_of("toys", settings)
    move(registry, journal, str(made.version), expected=None, who="ana", action="promote", reason="best")
    there = observe(request, settings, "toys")
    assert {key: there[key] for key in tags_of(seen)} == tags_of(seen)
    assert there["register"] == registered
    assert (there["version"], abs(int(there["created"]) - made.creation_timestamp / 1000) < 1) == ("1", True)

    shutil.rmtree(settings.store / "pretrain" / "0")
    assert observe(request, settings, "toys")["pretrain"] == "gone: pretrain/0"

    client.delete_registered_model_alias("toys", "champion")
    gone = observe(request, settings, "toys")
    assert gone["deleted"] == "1"
    made = grown.plan(grown.snapshot(), gone)
    assert "version 1 was the champion by the journal" in made.reason
    assert made.deleted == "1"


def tags_of(seen):
    return {key: value for key, value in seen.items() if "/" in value}
