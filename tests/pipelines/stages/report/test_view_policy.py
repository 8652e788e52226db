"""What the report says of the views, and of the evidence for them."""

import numpy as np

from components.modalities.image.modality import Images
from components.training.orientation import Orientation
from components.training.view_choice import ViewChoice, decide
from pipelines.stages.report.view_policy import rows

WHAT = Images.policies


def test_nothing_is_said_where_nothing_was_chosen() -> None:
    assert rows({"policy": None}, {"views": None}, WHAT) == []
    assert rows({}, {}, WHAT) == []


def test_what_was_measured_stands_beside_what_was_chosen() -> None:
    seen = Orientation(mirror=0.95, upside_down=0.9, quarter_turn=1.0, error=0.02)
    choice = decide(("upright", "photo"), np.array([[1.0, 1, 1, 0], [0.0, 1, 1, 0]]))
    told = rows(
        {"policy": "upright", "orientation": seen.model_dump()},
        {"views": choice.model_dump(mode="json")},
        WHAT,
    )
    assert [row["name"] for row in told] == ["pretraining", "fine-tuning", "with upright", "with photo"]
    assert "mirror images from the samples as they came in 95.0 %" in told[0]["text"]
    assert told[1]["text"].startswith("upright: small crops")
    assert told[2]["text"] == "75.0 % of the held-out labels right."
    expected = (
        "50.0 % of the held-out labels right, -25.0 points from the suggested policy (standard error 25.0)."
    )
    assert told[3]["text"] == expected


def test_a_policy_that_the_recipe_names_is_said_so() -> None:
    named = ViewChoice(policy="photo", suggested="photo", reason="the recipe names it")
    (row,) = rows({"policy": None}, {"views": named.model_dump(mode="json")}, WHAT)
    assert row["text"].endswith("as for photographs; the recipe names it.")
