import torch

from components.objectives.queue import Queue


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
