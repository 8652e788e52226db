import pytest
import torch

from components.objectives.parts.queue import Queue, length_for
from components.training.defaults import batch_of


def test_it_starts_as_random_directions_and_fills_newest_first():
    torch.manual_seed(0)
    queue = Queue(5, 3)
    start = queue.rows.clone()
    torch.testing.assert_close(start.norm(dim=1), torch.ones(5))
    assert (start @ start.T - torch.eye(5)).abs().max() < 0.999  # no two the same
    first, second = torch.full((2, 3), 1.0), torch.full((2, 3), 2.0)
    queue.push(first)
    assert torch.equal(queue.rows, torch.cat([first, start[:3]]))
    queue.push(second)
    assert torch.equal(queue.rows, torch.cat([second, first, start[:1]]))


def test_a_batch_larger_than_the_queue_leaves_its_first_rows():
    queue, newest = Queue(2, 3), torch.arange(12.0).reshape(4, 3)
    queue.push(newest.requires_grad_())
    assert torch.equal(queue.rows, newest[:2])
    assert not queue.rows.requires_grad


def test_it_is_saved():
    queue, other = Queue(3, 2), Queue(3, 2)
    assert list(queue.state_dict()) == ["rows"]
    other.load_state_dict(queue.state_dict())
    assert torch.equal(queue.rows, other.rows)


@pytest.mark.parametrize(
    ("samples", "rows"),
    [(0, 8), (40, 8), (1437, 256), (5000, 1024), (16_384, 4096), (60_000, 8192), (1_281_167, 65536)],
)
def test_its_length_is_a_quarter_of_the_samples_in_whole_batches(samples, rows):
    assert length_for(samples) == rows
    assert rows % min(rows, batch_of(samples)) == 0


def test_rows_of_another_length_are_taken_newest_first():
    queue, three = Queue(4, 2), torch.arange(6.0).reshape(3, 2)
    own = queue.rows.clone()
    assert torch.equal(queue.fitted(three), torch.cat([three, own[3:]]))
    assert torch.equal(queue.fitted(torch.arange(12.0).reshape(6, 2)), torch.arange(8.0).reshape(4, 2))
    assert torch.equal(queue.rows, own)
