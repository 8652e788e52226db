"""docs/recipe-reference.md and `selfsup explain`: complete, current, and with the values that count."""

import re

import pytest

from components.errors import UserError
from components.modalities.registry import MODALITIES
from components.modalities.views import VIEW_MAKERS
from components.tasks.registry import TASKS
from pipelines.graph import GRAPH
from pipelines.onboarding import reference
from pipelines.onboarding.reference import Node, explain
from pipelines.recipe import FILLED


@pytest.fixture(scope="module")
def nodes():
    """Every place in a recipe, by key."""
    found, waiting = {}, [Node("", "")]
    while waiting:
        below = waiting.pop().children().values()
        found |= {node.key: node for node in below}
        waiting += below
    return found


@pytest.fixture(scope="module")
def page():
    return reference.page()


def test_the_page_is_current(page):
    assert page == reference.PAGE.read_text(encoding="utf-8"), f"write it anew: {reference.COMMAND}"


def test_every_key_has_a_text_a_type_and_a_default(nodes):
    assert len(nodes) > 500
    assert "pretrain.local_views.image.erase_scale" in nodes
    assert "pretrain.objective.scan.pretext.temperature" in nodes
    assert "finetune.distill.encoder.vit_small.start.rank" in nodes
    for key, node in nodes.items():
        assert re.search(r"\w.*\.$", node.text), f"{key}: a sentence below the field is needed"
        assert node.type
        assert node.field is None or node.default


def test_every_stage_and_every_key_that_a_recipe_may_have_is_on_the_page(nodes, page):
    parts = {part.partition("\n")[0]: part for part in page.split("\n## ")}
    for stage in GRAPH:
        below = Node(stage, "").children()
        shown = re.findall(r"^\| `(\w+)` ", parts[stage], flags=re.MULTILINE)
        assert shown == [name for name, node in below.items() if not node.filled and name not in TASKS]
        for task in set(below) & set(TASKS):
            shown = re.findall(r"^\| `(\w+)` ", parts[f"{stage} of the task {task}"], flags=re.MULTILINE)
            assert shown == [name for name, node in below[task].children().items() if not node.filled]
        assert {name for name, node in below.items() if node.filled} >= set(FILLED.get(stage, ()))
    assert "snapshot" not in re.findall(r"^\| `(\w+)` ", parts["finetune"], flags=re.MULTILINE)
    for kind in ("swav", "supcon", "vit_small", "lars", "distillation"):
        assert re.search(rf"^### .*\b{kind}\b", page, flags=re.MULTILINE)


def test_every_link_has_one_heading(page):
    headings = re.findall(r"^##+ (.+)$", page, flags=re.MULTILINE)
    anchors = [reference._anchor(heading) for heading in headings]
    assert len(set(anchors)) == len(anchors)
    links = set(re.findall(r"\(#([^)]+)\)", page))
    assert len(links) > 10
    assert links <= set(anchors)


def test_options_that_belong_to_a_kind_of_data_have_a_table_for_each(page):
    parts = {part.partition("\n")[0]: part for part in re.split(r"\n##+ ", page)}
    for name in MODALITIES:
        for title, config in (("views", VIEW_MAKERS[name].View), ("limits", MODALITIES[name].Limits)):
            shown = re.findall(r"^\| `(\w+)` ", parts[f"{title} of {name}"], flags=re.MULTILINE)
            assert shown == list(config.model_fields)
    for key in ("weak", "strong"):  # the same kinds as of pretrain.views
        assert f"| `{key}` | [kind of views](#kinds-of-views) or null |" in parts["finetune"]
    assert explain("finetune.weak").splitlines()[-1] == f"  kinds: {', '.join(MODALITIES)}"
    test_every_link_has_one_heading(page)


def test_the_entry_of_a_key():
    assert explain("pretrain.objective.swav.epsilon").splitlines() == [
        "pretrain.objective.swav.epsilon",
        "  number > 0; default: 0.05",
        "  Entropy regularisation of Sinkhorn; smaller values give sharper codes (published: 0.05).",
    ]


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("finetune.method", '  section; default: {"name": "fixmatch", "threshold": 0.8}'),
        ("plan.on_code_change", '  keep, warm or scratch; default: "keep"'),
        ("pretrain.objective", "  kinds: autoencoder, barlow, bert4rec, "),
        ("pretrain.train", "  keys: epochs, batch_size, optimiser, "),
        ("pretrain", "  keys: modality, objective, encoder, train, views, local_views, warm, seed"),
        ("modality.image.channels", "  integer >= 1 and <= 32; default: 3"),
        ("ingest.modality.image.channels", "  integer >= 1 and <= 32; default: 3"),
        ("promote.register", "  filled in by the run; a recipe leaves it out"),
        ("SELFSUP_WORKERS", "  integer >= 0; default: 0"),
        ("pretrain.seed", "  integer >= 0; default: that of the recipe"),
    ],
)
def test_what_an_entry_says(key, line):
    said = explain(key).splitlines()
    assert said[0] == key
    assert any(one.startswith(line) for one in said), said


@pytest.mark.parametrize(
    ("key", "entries"),
    [
        ("modality.target", ["modality.table.target", "modality.series.target"]),
        ("ingest.modality.key", ["ingest.modality.table.key"]),
        ("task.false_alarms", ["task.anomaly.false_alarms"]),
        ("finetune.miss", ["finetune.regression.miss"]),
        ("finetune.features", ["finetune.anomaly.features"]),
        ("finetune.folds", ["finetune.regression.folds"]),
        ("finetune.method", ["finetune.method"]),
        ("pretrain.objective.epsilon", ["pretrain.objective.swav.epsilon"]),
    ],
)
def test_a_key_without_the_name_of_its_kind_is_that_of_every_kind_that_has_it(key, entries):
    assert explain(key) == "\n\n".join(map(explain, entries))


def test_a_default_of_the_section_above_is_named_where_it_differs():
    assert "0.95 (0.8 where" in explain("finetune.method.fixmatch.threshold")
    assert "left out" not in explain("finetune.method.flexmatch.threshold")


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("pretrain.objective.swav.epslon", "pretrain.objective.swav.epsilon"),
        ("pretrian.train.epochs", "pretrain.train.epochs"),
        ("pretrain.objective.epslon", "pretrain.objective.swav.epsilon"),
        ("modality.decimul", "modality.series.decimal"),
        ("finetune.mis", "finetune.regression.miss"),
        ("finetune.miss.more", "finetune.regression.miss"),
        ("finetune.method.fixmach", "finetune.method.fixmatch"),
        ("pretrain.seed.more", "pretrain.seed"),
        ("SELFSUP_HOEM", "SELFSUP_HOME"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one_named(key, near):
    with pytest.raises(UserError) as caught:
        explain(key)
    assert str(caught.value) == f"unknown key {key!r}; did you mean {near!r}?"


def test_where_no_key_is_near_the_first_ones_are_listed():
    with pytest.raises(UserError, match=r"^unknown key 'xyzzy'; keys: name, seed, .*, pretrain, "):
        explain("xyzzy")
