"""docs/python.md: every snippet runs, in order, in one namespace."""

import re
import warnings
from pathlib import Path

import pytest
from safetensors.torch import save_file

from pipelines.engine import journal
from pipelines.engine.artifact import Artifact
from selfsup import losses
from tests.pipelines.stages.crowned import MODEL, classifier, context_of, crown, empty_mlflow, finish

PAGE = Path(__file__).resolve().parents[1] / "docs" / "python.md"
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home with a champion, a pretraining and a recipe, as the page's last snippets need them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mlflow").mkdir()
    context = context_of(tmp_path / "home", empty_mlflow(tmp_path / "mlflow"))
    for name, value in (("HOME", context.settings.home), ("DATA", context.settings.data), ("DEVICE", "cpu")):
        monkeypatch.setenv(f"SELFSUP_{name}", str(value))
    (tmp_path / "recipes").mkdir()
    text = "name: toys\nmodality: {name: image, size: 12, channels: 1}\ninbox: inbox\n"
    (tmp_path / "recipes" / "toys.yaml").write_text(text)
    crown(context, seed=3)
    at = context.store / "pretrain" / "b"
    at.mkdir(parents=True)
    save_file(classifier(3).encoder.state_dict(), at / "encoder.safetensors")
    encoder = Artifact.of(at / "encoder.safetensors", at).model_dump()
    finish(
        context,
        "pretrain",
        "b",
        {"encoder": encoder, "encoder_config": MODEL["encoder"], "packing": MODEL["packing"]},
    )
    return context


def test_every_snippet_runs(home, monkeypatch):
    from pipelines.flows import run as flows

    asked = []

    def ran(recipe, settings, display, **options):
        """In place of the stages, which take minutes; tests/pipelines/api/selfsup/test_runs.py runs some."""
        asked.append(recipe.sections["pretrain"])
        line = journal.StageLine(stage="pretrain", reference="pretrain/b", status="ran", started=0, seconds=1)
        journal.append(journal.journal_file(settings.home, "1-toys"), line.model_dump())
        return "1-toys"

    monkeypatch.setattr(flows, "run", ran)
    space = {}
    assert len(SNIPPETS) == 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for snippet in SNIPPETS:
            exec(compile(snippet, str(PAGE), "exec"), space)
    assert asked == [{"train": {"epochs": 5}}]
    assert space["made"].references == {"pretrain": "pretrain/b"}
    assert space["codes"].sum(dim=1).allclose(space["codes"].new_ones(32))
    assert space["model"].predict_proba(space["X"]).shape == (90, 3)
    assert space["champion"].version == "1"


def test_all_losses_are_named():
    named = re.search(r"on plain tensors: (.*?)\. They", PAGE.read_text())[1]
    assert set(re.findall(r"`(\w+)`", named)) == set(losses.__all__)
