"""What the report says of the candidates and of the one that is served."""

from pipelines.registry.candidates import Portfolio, Row
from pipelines.stages.report.candidates import rows


def told(served: str, reason: str, *weights: float) -> dict[str, object]:
    names = ("method", "plain", "scratch")
    given = [
        Row(name=name, accuracy=0.5 + 0.1 * i, loss=1.0 - 0.1 * i, weight=weight)
        for i, (name, weight) in enumerate(zip(names, weights, strict=True))
    ]
    made = Portfolio(served=served, reason=reason, rows=given, accuracy=0.75, loss=0.7)
    return {"portfolio": made.model_dump(mode="json"), "start": ""}


def test_nothing_is_said_where_there_was_no_choice() -> None:
    assert rows({}) == []
    assert rows({"portfolio": None}) == []


def test_a_committee_is_told_with_its_weights_the_best_first() -> None:
    found = rows(told("committee", "a student of the mean of several is served: both", 0.5, 0.0, 0.5))
    assert [row["name"] for row in found] == [
        "the network from random, trained on the labels alone",
        "logistic regression on plain features",
        "the method's network",
        "their mean",
        "served",
    ]
    assert found[0]["text"] == "70.0 % of the held-out labels right, 0.80 nats; weight 50.0 %."
    assert found[1]["text"].endswith("; no part.")
    assert found[3]["text"] == "75.0 % of the held-out labels right, 0.70 nats."
    assert found[4]["text"] == "A student of the mean of several is served: both."


def test_a_baseline_that_is_served_says_what_would_change_that() -> None:
    found = rows(
        {**told("plain", "logistic regression is served", 0, 1, 0), "start": "from random it is better"}
    )
    assert "More unlabelled samples" in found[-2]["text"]
    assert found[-1] == {"name": "start", "text": "From random it is better."}
