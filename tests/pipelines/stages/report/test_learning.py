import pytest

from components.evaluation.representation.diagnostics import FIGURES
from pipelines.stages.report.learning import CURVES, beside, readable


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("diagnostics/spread", [0.3, 0.6], [(0.0, "collapsed"), (1.0, "healthy")]),
        ("diagnostics/rank", [4.0, 30.0], [(1.0, "collapsed")]),  # 128 would flatten the curve
        ("diagnostics/rank", [4.0, 50.0], [(1.0, "collapsed"), (128.0, "healthy")]),
        ("diagnostics/decay", [2.0, 1.4], [(1.0, "healthy")]),
        ("diagnostics/uniformity", [-1.0, -2.0], [(0.0, "collapsed"), (-3.9375, "healthy")]),
        ("loss/total", [3.0, 2.0], []),
        ("objective/nmi", [0.2, 0.4], []),
    ],
)
def test_what_is_drawn_beside_a_curve(name, values, expected):
    assert beside(name, values, 128) == expected


def test_every_diagnostic_that_is_drawn_is_one_that_a_look_finds():
    drawn = {name.partition("/")[2] for name in CURVES["pretrain"] if name.startswith("diagnostics/")}
    assert drawn <= {*FIGURES, "churn", "embedding_spread"}
    assert readable("diagnostics/lidar") == "directions that tell samples apart (LiDAR)"
    assert readable("loss/total") == "loss"
