import pytest
import torch

from components.encoders.table_mlp import TableMlp, TableMlpConfig
from components.modalities.table.views import TableView, TableViews
from components.objectives.base import Batch
from components.semisupervised import build_method
from components.semisupervised.vime_semi import VimeSemi, VimeSemiConfig, variance
from tests.components.modalities.table.toys import mixed, pack
from tests.components.semisupervised.by_hand import K, Pixels, batch, logits, made


def test_published_defaults():
    config = VimeSemiConfig()
    assert (config.views, config.weight) == (3, 1.0)
    assert VimeSemi.needs == "table"


def test_variance_over_views():
    assert variance(torch.tensor([[[0.0, 5.0]], [[2.0, 5.0]]])).item() == pytest.approx(0.5)  # 1 and 0
    g = torch.Generator().manual_seed(0)
    views = torch.randn(3, 4, 2, generator=g)
    expected = 0.0
    for u in range(4):
        for k in range(2):
            middle = float(views[:, u, k].sum()) / 3
            expected += sum((float(v) - middle) ** 2 for v in views[:, u, k]) / 3 / 8
    assert variance(views).item() == pytest.approx(expected, abs=1e-6)


def test_the_loss_by_hand():
    weak, *strong = logits(5, 3, 3, 3)
    method = made(VimeSemiConfig(weight=2.0))
    method.after_step(Pixels(), 0.25)
    losses = method(Pixels(), batch([weak, *strong], 2, [0, 2, -1, 1, -1], [1.0, 1, 0, 0.8, 0]))
    supervised = -(weak[0].log_softmax(0)[0] + weak[1].log_softmax(0)[2]) / 2
    views = torch.stack(strong)
    unsupervised = ((views - views.mean(0)) ** 2).mean()
    pseudo = -0.8 * views.mean(0)[1].log_softmax(0)[1] / 3
    torch.testing.assert_close(losses.parts["supervised"], supervised)
    torch.testing.assert_close(losses.parts["consistency"], unsupervised)
    torch.testing.assert_close(losses.total.detach(), supervised + 2 * unsupervised + 0.5 * 0.75 * pseudo)


def test_every_view_takes_gradient_and_the_clean_unlabelled_row_none():
    weak, *strong = logits(5, 3, 3, 3)
    for view in (weak, *strong):
        view.requires_grad_()
    made(VimeSemiConfig(pseudo_weight=0))(
        Pixels(), batch([weak, *strong], 2, [0, 2, -1, -1, -1])
    ).total.backward()
    assert weak.grad[2:].abs().sum() == 0
    middle = torch.stack(strong).mean(0)
    for view in strong:
        torch.testing.assert_close(view.grad, 2 * (view - middle).detach() / 3 / 3 / K)


def test_rows_that_are_not_corrupted_do_not_vary():
    rows, packing, _ = pack(mixed(40))
    views = TableViews(packing)
    encoder = TableMlp(TableMlpConfig(width=16, layers=1), packing).eval()
    method = build_method(VimeSemiConfig(pseudo_weight=0), encoder, 2, 40)
    x = torch.from_numpy(rows)

    def consistency(corrupt):
        g = torch.Generator().manual_seed(0)
        seen = [views.augment(x[8:], TableView(corrupt=corrupt), g) for _ in range(3)]
        targets = torch.cat([torch.arange(8) % 2, torch.full((32,), -1)])
        given = Batch([x, *seen], torch.arange(40), targets, torch.ones(40), 8)
        return float(method(encoder, given).parts["consistency"])

    assert consistency(0.0) == pytest.approx(0, abs=1e-10)
    assert 0 < consistency(0.2) < consistency(0.8)
