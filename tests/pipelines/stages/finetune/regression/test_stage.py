"""Fine-tuning for numbers: what is learnt, what is kept, what no test row has a part in, and what is refused."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from components.data.table import Table
from components.evaluation.regression.metrics import r2
from components.implementations import name_of
from components.registry.regressor import Regressor
from components.registry.served import load_model
from pipelines.inference.samples import samples_of
from pipelines.stages.finetune.regression import stage as finetune
from pipelines.stages.finetune.regression.stage import Output, Request
from tests.pipelines.stages.tiny import Here
from tests.pipelines.stages.tiny_numbers import ABOVE, TASK, numbers

SHORT = {"steps": 6, "fold_steps": 4, "folds": 3, "batch_size": 8, "ratio": 1}


def run(here: Here, **options: Any) -> tuple[Output, Path]:
    folder = here.store / "finetune" / "0"
    folder.mkdir(parents=True)
    return finetune.run(Request(**ABOVE, **TASK, **{**SHORT, **options}), folder, here), folder


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> tuple[Output, Path, Here]:
    here = numbers(tmp_path_factory.mktemp("home"), 40)
    return *run(here), here


def model_of(folder: Path, name: str = "model") -> Regressor:
    model = load_model(folder / name)
    assert isinstance(model, Regressor)
    return model


def test_the_number_is_learnt_in_the_unit_of_the_labels(learnt: tuple[Output, Path, Here]) -> None:
    output, folder, here = learnt
    above = here.outputs["snapshot/0"]
    table = Table.load(here.file("snapshot/0", above.table))
    test = table.test_rows()
    assert table.target is not None
    predicted = model_of(folder)(samples_of("snapshot/0", above, here).clean(test)).detach().numpy()
    assert float(r2(table.target[test], predicted)) > 0.9
    assert output.validation is not None
    assert output.validation > 0.9
    known = table.target[table.labelled_rows()]
    assert (output.mean, output.scale) == pytest.approx((known.mean(), known.std()))
    assert output.labels == 40


def test_every_label_is_predicted_once_by_trainings_that_were_not_given_it(
    learnt: tuple[Output, Path, Here], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    output, folder, here = learnt
    assert output.held is not None
    held = pq.read_table(folder / output.held.path).to_pandas()
    table = Table.load(here.file("snapshot/0", here.outputs["snapshot/0"].table))
    assert table.target is not None
    assert held["row"].tolist() == table.labelled_rows().tolist()
    np.testing.assert_allclose(held["target"], table.target[held["row"]])
    assert sorted(held["fold"].value_counts()) == [13, 13, 14]
    assert set(held.columns) == {"row", "target", "fold", "plain", "knn", "probe", "alone", "method"}
    again = numbers(tmp_path, 40)
    seen: list[tuple[str, tuple[int, ...]]] = []
    real = finetune.SIMPLE["plain"]

    def watched(part: Any, seed: int) -> Any:
        seen.append(("plain", tuple(part.material.labelled.tolist())))
        return real(part, seed)

    monkeypatch.setattr(finetune, "SIMPLE", {**finetune.SIMPLE, "plain": watched})
    run(again, portfolio={"candidates": ["plain"]})
    assert len(seen) == 4  # three folds, and all labels
    assert len(seen[-1][1]) == 40
    rows = set(seen[-1][1])
    held_out = [rows - set(use) for _, use in seen[:-1]]
    assert set.union(*held_out) == rows
    assert sum(map(len, held_out)) == 40


def test_the_interval_holds_as_many_held_out_labels_as_promised(learnt: tuple[Output, Path, Here]) -> None:
    output, folder, _ = learnt
    assert output.held is not None
    assert output.portfolio is not None
    held = pq.read_table(folder / output.held.path).to_pandas()
    mean = sum(row.weight * held[row.name] for row in output.portfolio.rows)
    residuals = np.sort(np.abs(mean - held["target"]))
    assert output.width == pytest.approx(residuals[int(np.ceil(41 * 0.9)) - 1])
    assert model_of(folder).config.width == output.width
    assert model_of(folder, "alone").config.width is None


def test_what_is_served_is_the_weighted_mean_of_the_candidates(
    learnt: tuple[Output, Path, Here], tmp_path: Path
) -> None:
    output, _, _ = learnt
    assert output.portfolio is not None
    assert sum(row.weight for row in output.portfolio.rows) == pytest.approx(1)
    alone = numbers(tmp_path, 40)
    single, _ = run(alone, portfolio=None)
    assert single.portfolio is not None
    assert (single.portfolio.served, single.own, single.made_of) == ("method", None, ())
    assert [row.weight for row in single.portfolio.rows] == [1.0]
    assert "the recipe has no portfolio" in single.portfolio.reason


def test_a_candidate_that_leads_is_served_alone_and_not_compared_with_itself(tmp_path: Path) -> None:
    here = numbers(tmp_path, 60)
    output, _ = run(here, portfolio={"candidates": ["plain", "knn"], "strength": 0.001, "lead": 0.51})
    assert output.portfolio is not None
    best = max(output.portfolio.rows, key=lambda row: row.weight)
    assert (output.portfolio.served, best.weight) == (best.name, 1.0)
    assert output.made_of == ({"plain": ("ridge_plain",), "knn": ("knn_plain",)}.get(best.name, ()))


def test_the_same_request_gives_the_same_bytes(learnt: tuple[Output, Path, Here], tmp_path: Path) -> None:
    output, _, _ = learnt
    again, _ = run(numbers(tmp_path, 40))
    assert (again.model, again.config) == (output.model, output.config)


def test_the_files_are_a_model_without_pickle_that_names_its_task(learnt: tuple[Output, Path, Here]) -> None:
    _, folder, _ = learnt
    told = json.loads((folder / "model" / "model.json").read_text())
    assert told["task"] == "regression"
    names = {path.name for path in (folder / "model").iterdir()}
    assert names == {"model.json", "model.safetensors"}
    assert not (folder / "checkpoints").exists()


@pytest.mark.parametrize(
    ("labels", "constant", "reason"),
    [
        (
            0,
            None,
            r"0 labels to learn from \(and 60 of test samples, which are never trained on\), and 10 are needed",
        ),
        (2, None, "2 labels to learn from"),
        (9, None, "9 labels to learn from"),
        (20, 7.5, "all 20 labels are the same number, 7.5, so there is nothing to predict"),
    ],
)
def test_too_few_labels_and_a_constant_target_train_nothing_and_say_why(
    tmp_path: Path, labels: int, constant: float | None, reason: str
) -> None:
    here = numbers(tmp_path, labels, constant)
    output, _ = run(here)
    assert output.model is None
    assert output.skipped is not None
    assert re.search(reason, output.skipped)
    assert any(re.search(reason, line) for line in here.said)


def test_ten_labels_have_an_interval_as_wide_as_their_largest_error(tmp_path: Path) -> None:
    output, folder = run(numbers(tmp_path, 10), miss=0.05)
    assert output.width is None  # (10 + 1) * .95 is more than 10
    model = model_of(folder)
    features = np.ones((1, model.encoder.embedding_dim), dtype=np.float32)
    assert model.columns({"prediction": np.ones(1), "features": features})["low"] == [None]


@pytest.mark.parametrize("method", ["fixmatch", "selftraining", "adamatch"])
def test_a_method_that_needs_classes_is_refused_by_name(method: str) -> None:
    expected = (
        f"method {method} needs classes, and the task is regression; for regression: meanteacher, supervised"
    )
    for given in (method, {"name": method}):
        with pytest.raises(ValidationError, match=expected):
            Request(**ABOVE, method=given)
    assert name_of(Request(**ABOVE, method="supervised").method) == "supervised"
