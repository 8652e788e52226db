import pytest

from pipelines.labelling.agreement import annotator_agreement


def test_kappa_of_two_annotators_by_hand():
    """50 samples: both yes 20, both no 15, yes and no 5, no and yes 10. Equal .7, by chance .5 * .6 + .5 * .4 = .5."""
    pairs = [("yes", "yes")] * 20 + [("yes", "no")] * 5 + [("no", "yes")] * 10 + [("no", "no")] * 15
    own = {str(k): one for k, (one, _) in enumerate(pairs)}
    other = {str(k): one for k, (_, one) in enumerate(pairs)}
    found = annotator_agreement(
        "ben", own | {"mine": "yes", "none": ""}, other | {"his": "no", "none": "yes"}
    )
    assert (found.annotator, found.both, found.same) == ("ben", 50, 35)
    assert found.kappa == pytest.approx(0.4)


def test_annotators_without_a_common_sample_have_no_kappa():
    assert annotator_agreement("ben", {"a": "x"}, {"b": "x"}).kappa is None


def test_only_one_class_is_no_agreement_beyond_chance():
    assert annotator_agreement("ben", {"a": "x", "b": "x"}, {"a": "x", "b": "x"}).kappa == 0.0
