"""The digest of the code that a request can reach."""

import re
import shutil
from importlib import import_module

import pytest

from components.errors import UserError
from components.implementations import Implementations
from pipelines.engine import code_cache, code_digest

CACHED = (
    code_digest._code_digest,
    code_digest._facts,
    code_digest._file,
    code_digest._table,
)


def digest(root, stage="fake", **given):
    return code_digest._code_digest(stage, frozenset(code_digest._named(given)), root)


def read_again():
    for cached in CACHED:
        cached.cache_clear()


@pytest.fixture
def tree(tmp_path):
    """A function that writes modules, "__" for a dot, and gives the digest."""

    def write(**files):
        for name, text in files.items():
            file = tmp_path.joinpath(*name.split("__"))
            file = file.with_name(file.name + ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        read_again()
        return digest(tmp_path)

    write(
        pipelines__stages__fake="import components.a\nVERSION = 1\n",
        components__a="'''What.'''\nfrom components import b\nx=1\ndef f(y):\n    '''How.'''\n    return y\n",
        components__b="def late():\n    from .deep.c import y\n",
        components__deep__c="y = 1\n",
        components__other="z = 1\n",
    )
    (tmp_path / "components" / "deep" / "__init__.py").write_text("import components.d\n")
    write(components__d="")
    return write


def test_the_closure_is_what_importing_may_run(tree, tmp_path):
    assert code_digest.closure("fake", root=tmp_path) == [
        "components.a",
        "components.b",
        "components.d",
        "components.deep",
        "components.deep.c",
        "pipelines.stages.fake",
    ]


@pytest.mark.parametrize(
    "same",
    [
        "'''Other words.'''\n# why\nfrom components import b\nx=1\ndef f(y):\n    return y\n",
        "from components import b\nx=1\ndef f(y: int) -> int:\n    return y\n",
        "from components import b\ndef f(y):\n    return y\nx=1\n",
        "from components import b\nx=1\ndef f(y):\n    context.say(f'so: {y}')\n    return y\n",
    ],
)
def test_comments_docstrings_annotations_messages_and_order_do_not_change_the_digest(tree, same):
    before = tree()
    assert tree(components__a=same) == before


def test_the_text_of_an_error_is_no_part_and_the_error_is(tree):
    before = tree(components__d="def g(x):\n    assert x, 'no'\n    raise ValueError(f'no {x}')\n")
    assert tree(components__d="def g(x):\n    assert x\n    raise ValueError('none')\n") == before
    assert tree(components__d="def g(x):\n    assert x\n    raise TypeError('none')\n") != before
    assert tree(components__d="def g(x):\n    assert not x\n    raise ValueError('none')\n") != before


def test_the_docstring_of_a_field_does_not_change_the_digest_and_the_field_does(tree):
    plain = "class A(B):\n    '''What.'''\n    c = D(frozen=True)\n    x: int = 1\n    y = 'a'\n"
    before = tree(components__d=plain)
    documented = (
        "class A(B):\n    '''Which.'''\n    c = D(frozen=True, use_attribute_docstrings=True)\n"
        "    x: int = 1\n    '''How\n    many.'''\n\n    y = 'a'\n    'Which letter.'\n"
    )
    assert tree(components__d=documented) == before
    assert tree(components__d=documented.replace("x: int = 1", "x: int = 2")) != before
    assert tree(components__d=documented.replace("x: int", "x: float")) != before
    assert tree(components__d=documented.replace("'a'", "'b'")) != before
    assert tree(components__d=documented.replace("frozen=True", "frozen=False")) != before


def test_strangers_do_not_change_the_digest(tree):
    before = tree()
    assert tree(components__other="z = 2\n") == before


def test_a_module_that_moves_does_not_change_the_digest(tree, tmp_path):
    before = tree()
    (tmp_path / "components" / "b.py").unlink()
    moved = {
        "components__deep__b": "def late():\n    from components.deep.c import y\n",
        "components__a": "from components.deep import b\nx=1\ndef f(y):\n    return y\n",
    }
    assert tree(**moved) == before


@pytest.mark.parametrize(
    "change",
    [
        {"components__a": "from components import b\nx = 2\ndef f(y):\n    return y\n"},
        {"components__deep__c": "y = 2\n"},
        {"components__d": "x = 1\n"},
        {"components__d": "from math import pi as x\n"},
        {"components__a": "from components import b, d as e\nx=1\ndef f(y):\n    return y\n"},
        {"components__a": "from components import b\nx = 1\ndef f(y):\n    'How.'\n    'so'\n    return y\n"},
        {"components__a": "from components import b\nx = 1\ndef f(y=1):\n    return y\n"},
    ],
)
def test_code_that_may_run_changes_the_digest(tree, change):
    before = tree()
    assert tree(**change) != before


def test_the_version_is_a_part_of_the_key_by_itself(tree):
    before = tree()
    assert tree(pipelines__stages__fake="import components.a\nVERSION = 2\n") == before


def test_a_template_beside_a_module_is_part_of_it(tree, tmp_path):
    before = tree()
    (tmp_path / "components" / "a.html").write_text("<p>")
    assert tree() != before


# -- implementations by name, in a copy of the code as it is


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    root = tmp_path_factory.mktemp("copy")
    for package in code_digest.PACKAGES:
        shutil.copytree(
            code_digest.ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return root


@pytest.fixture
def edit(copy):
    """A function that edits a file of the copy; undone after the test."""
    originals = {}

    def change(path):
        file = copy / path
        originals[file] = text = file.read_text()
        file.write_text(text + "\n\nCHANGED = 1\n")
        read_again()

    yield change
    for file, text in originals.items():
        file.write_text(text)
    read_again()


SWAV = {"objective": {"name": "swav"}, "encoder": "resnet18", "seed": 1}
STAGES = ("pretrain", "finetune", "evaluate")


def test_editing_an_objective_changes_the_keys_of_the_runs_that_name_it_and_of_no_others(copy, edit):
    before = {stage: digest(copy, stage, **SWAV) for stage in STAGES}
    for name in ("bigan", "dino"):
        edit(f"components/objectives/{name}.py")
    assert {stage: digest(copy, stage, **SWAV) for stage in STAGES} == before
    edit("components/objectives/swav.py")
    assert digest(copy, "pretrain", **SWAV) != before["pretrain"]


@pytest.mark.parametrize(
    ("stage", "given", "without", "within"),
    [
        ("pretrain", {"encoder": {"name": "vit_tiny"}}, "encoders.convnext", "encoders.vit"),
        ("finetune", {"method": {"name": "uda"}}, "semisupervised.flexmatch", "semisupervised.uda"),
        ("finetune", {"method": "softmatch"}, "semisupervised.fixmatch", "semisupervised.softmatch"),
        ("finetune", {"method": "softmatch"}, "objectives.swav", "encoders.pixels"),  # of the portfolio
        ("pretrain", {}, "objectives.swav", "objectives.simclr"),  # the default
        ("pretrain", {"objective": {"name": "ibot"}}, "objectives.mae", "objectives.dino"),  # it builds on it
        ("plan", {"asked": {"pretrain": {"objective": "swav"}}}, "objectives.mae", "stages.plan.decision"),
    ],
)
def test_a_request_reaches_what_it_names_and_what_that_builds_on(stage, given, without, within):
    reached = code_digest.closure(stage, frozenset(code_digest._named(given)))
    ends = [name.partition(".")[2] for name in reached]
    assert within in ends
    assert without not in ends


def test_a_line_more_in_a_table_changes_no_key(copy, edit):
    before = digest(copy, "pretrain", **SWAV)
    file = copy / "components" / "objectives" / "__init__.py"
    text = file.read_text()
    line = '        "swav": "swav:Swav",\n'
    assert line in text
    file.write_text(text.replace(line, line + '        "swavs": "swavs:Swavs",\n'))
    (copy / "components" / "objectives" / "swavs.py").write_text("x = 1\n")
    read_again()
    try:
        assert digest(copy, "pretrain", **SWAV) == before
    finally:
        file.write_text(text)


@pytest.mark.parametrize("table", code_digest.TABLES)
def test_the_table_read_as_syntax_is_the_one_that_runs(table):
    (own,) = (found for found in vars(import_module(table)).values() if isinstance(found, Implementations))
    group, modules = code_digest._table(table, code_digest.ROOT)
    assert (group, modules.keys()) == (own.group, own.keys())
    for name, module in modules.items():
        assert own[name].__module__ == module


def test_every_stage_has_a_digest_of_its_own():
    stages = code_digest.stages()
    assert len({code_digest.code_digest(name, {}) for name in stages}) == len(stages) > 10
    assert all(re.fullmatch("[0-9a-f]{64}", code_digest.code_digest(name, {})) for name in stages)


def test_a_stage_that_is_not_there_is_named():
    with pytest.raises(UserError, match="there is no stage 'nosuch'"):
        code_digest.version("nosuch")


def test_what_an_earlier_process_has_read_is_not_parsed_again(tmp_path, monkeypatch):
    """The digest is the same; a source that has changed is read anew."""
    fresh = {stage: code_digest.code_digest(stage, SWAV) for stage in STAGES}
    for name, value in (("_file", None), ("_kept", {}), ("_used", set()), ("_changed", False)):
        monkeypatch.setattr(code_cache, name, value)
    code_cache.keep_in(tmp_path)
    read_again()
    assert code_digest.observes("plan")
    assert {stage: code_digest.code_digest(stage, SWAV) for stage in STAGES} == fresh
    for name, value in (("_file", None), ("_kept", {})):  # as in the next process
        monkeypatch.setattr(code_cache, name, value)
    code_cache.keep_in(tmp_path)
    read_again()

    def parse(text, *more):
        raise AssertionError("a source is parsed again")

    with monkeypatch.context() as patch:
        patch.setattr(code_digest.ast, "parse", parse)
        assert {stage: code_digest.code_digest(stage, SWAV) for stage in STAGES} == fresh
        assert code_digest.version("pretrain") >= 1
        assert code_digest.observes("plan")
        assert not code_digest.observes("pretrain")
