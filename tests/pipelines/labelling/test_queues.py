import hashlib

from pipelines.labelling.answers import Said
from pipelines.labelling.queues import Queue, is_open, is_shared


def said(*ids):
    made = Said()
    made.last = dict.fromkeys(ids)
    return made


def test_a_skipped_sample_comes_last_and_an_answered_one_not_at_all():
    queue = Queue(["a", "b", "c", "a"])
    assert queue.ids == ["a", "b", "c"]
    queue.skip("a")
    assert queue.first(lambda id: True) == "b"
    assert queue.first(lambda id: id == "a") == "a"
    queue.skip("b")
    queue.skip("a")
    assert queue.first(lambda id: id != "c") == "b"
    assert queue.first(lambda id: False) is None


def test_what_is_left_counts_ids_of_the_queue_alone():
    assert Queue(["a", "b", "c"]).left({"a", "z"}) == 2


def test_a_sample_is_asked_again_of_a_second_annotator_where_it_is_shared():
    low, high = "0" * 64, "f" * 64
    assert (is_shared(low, 0.2), is_shared(high, 0.2), is_shared(high, 1), is_shared(low, 0)) == (
        True,
        False,
        True,
        False,
    )
    assert is_open(high, said(), [said()], 0.2)
    assert not is_open(high, said(), [said(high)], 0.2)
    assert is_open(low, said(), [said(low)], 0.2)
    assert not is_open(low, said(low), [], 0.2)


def test_the_share_of_shared_samples_is_the_one_asked_for():
    ids = [hashlib.sha256(str(k).encode()).hexdigest() for k in range(4000)]
    share = sum(is_shared(id, 0.3) for id in ids) / len(ids)
    assert abs(share - 0.3) < 0.03  # four deviations of .0072
