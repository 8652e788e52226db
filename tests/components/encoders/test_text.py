"""What every encoder of texts that is trained has in common."""

import pytest
import torch
from torch import nn

from components.encoders import build_encoder
from components.encoders.text import TOGETHER, by_length, pooled, text_encoder
from components.encoders.text_bag import TextBagConfig
from components.encoders.text_transformer import TextTransformerConfig
from components.encoders.tfidf import TfidfConfig
from components.errors import UserError
from components.modalities.text.tokenizer import CLS, PAD
from tests.components.modalities.text.toys import VOCABULARY, packing

CONFIGS = {
    "bag": TextBagConfig(width=12),
    "convolution": TextBagConfig(width=12, hidden=8, window=5),
    "transformer": TextTransformerConfig(width=16, depth=2, heads=2),
    "causal": TextTransformerConfig(width=16, depth=2, heads=2, causal=True),
}


def texts(rows, width=14, seed=0):
    generator = torch.Generator().manual_seed(seed)
    view = torch.randint(5, len(VOCABULARY), (rows, width), generator=generator)
    lengths = torch.randint(2, width + 1, (rows, 1), generator=generator)
    view = view.masked_fill(torch.arange(width) >= lengths, PAD)
    view[:, 0] = CLS
    return view


def make(name):
    torch.manual_seed(0)
    return build_encoder(CONFIGS[name], packing())


@pytest.mark.parametrize("name", CONFIGS)
class TestEveryEncoderOfTexts:
    def test_shapes(self, name):
        encoder, view = make(name), texts(5)
        assert encoder(view).shape == (5, encoder.feature_dim)
        assert encoder.tokens(view).shape == (5, 14, encoder.token_dim)
        assert torch.equal(encoder.padding(view), view == PAD)
        assert encoder.embedding.weight.shape == (len(VOCABULARY), encoder.token_dim)

    def test_padding_changes_nothing(self, name):
        encoder, view = make(name), texts(9)
        wide = nn.functional.pad(view, (0, 23))
        inside = view != PAD
        torch.testing.assert_close(encoder(wide), encoder(view), atol=1e-5, rtol=0)
        tokens = encoder.tokens(wide)
        assert tokens.shape[1] == 37
        torch.testing.assert_close(tokens[:, :14][inside], encoder.tokens(view)[inside], atol=1e-5, rtol=0)

    def test_neighbours_and_their_order_change_nothing(self, name):
        encoder, view = make(name), texts(3 * TOGETHER + 5)
        whole = encoder(view)
        alone = torch.cat([encoder(view[k : k + 1]) for k in range(len(view))])
        torch.testing.assert_close(whole, alone, atol=1e-5, rtol=0)
        order = torch.randperm(len(view), generator=torch.Generator().manual_seed(1))
        torch.testing.assert_close(encoder(view[order]), whole[order], atol=1e-5, rtol=0)
        inside = view != PAD
        each = torch.cat([encoder.tokens(view[k : k + 1]) for k in range(len(view))])
        torch.testing.assert_close(encoder.tokens(view)[inside], each[inside], atol=1e-5, rtol=0)

    def test_the_feature_is_the_mean_of_the_tokens(self, name):
        encoder, view = make(name), texts(4)
        tokens = encoder.tokens(view)
        for k in range(4):
            mean = tokens[k][view[k] != PAD].mean(dim=0)
            torch.testing.assert_close(encoder(view)[k], mean, atol=1e-6, rtol=1e-5)

    def test_noise_is_multiplied_in_and_ones_are_none(self, name):
        encoder, view = make(name), texts(40)
        shape = (40, encoder.noisy_layers, encoder.token_dim)
        torch.testing.assert_close(encoder(view, torch.ones(shape)), encoder(view), atol=1e-6, rtol=1e-5)
        noise = torch.ones(shape)
        noise[7] = 0.5
        changed = (encoder(view, noise) - encoder(view)).abs().amax(dim=1) > 1e-4
        assert changed.nonzero().flatten().tolist() == [7]
        for layer in range(encoder.noisy_layers):
            noise = torch.ones(shape)
            noise[:, layer, ::2] = 0
            assert (encoder(view, noise) - encoder(view)).abs().amax() > 1e-4, layer

    def test_a_text_of_nothing_is_finite(self, name):
        encoder = make(name)
        nothing = torch.zeros(3, 6, dtype=torch.int64)
        assert torch.isfinite(encoder(nothing)).all()
        encoder(nothing).sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in encoder.parameters() if p.grad is not None)
        assert encoder(nothing[:0]).shape == (0, encoder.feature_dim)

    def test_everything_learns_after_an_evaluation_of_the_same_size(self, name):
        encoder = make(name)
        with torch.inference_mode():
            encoder(texts(40, width=31))
        encoder(texts(40, width=31)).sum().backward()
        encoder.zero_grad()
        encoder(texts(40)).square().sum().backward()
        for key, parameter in encoder.named_parameters():
            assert parameter.grad is not None, key
            assert parameter.grad.abs().sum() > 0, key

    def test_its_weights_are_all_there_is(self, name):
        encoder, other = make(name), build_encoder(CONFIGS[name], packing())
        other.load_state_dict(encoder.state_dict())
        assert torch.equal(encoder(texts(6)), other(texts(6)))

    def test_what_a_token_depends_on(self, name):
        encoder, view = make(name), torch.arange(5, 17)[None].clone()
        before = encoder.tokens(view)
        view[0, 6] = 30
        moved = (encoder.tokens(view) - before).abs().amax(dim=2)[0] > 1e-7
        expected = {
            "bag": [6], "convolution": [4, 5, 6, 7, 8], "transformer": list(range(12)), "causal": list(range(6, 12)),
        }  # fmt: skip
        assert moved.nonzero().flatten().tolist() == expected[name]


def test_samples_of_about_one_length_pass_together():
    seen = []

    def layers(embedded, padding, more):
        seen.append(tuple(padding.shape))
        return (embedded * ~padding.unsqueeze(2)).sum(dim=1)[:, 0] + more

    view, embedding = texts(2 * TOGETHER + 9, width=20), torch.nn.Embedding(len(VOCABULARY), 1)
    more = torch.arange(len(view))
    found = by_length(layers, view, embedding, more)
    expected = (embedding(view)[..., 0] * (view != PAD)).sum(dim=1) + more
    torch.testing.assert_close(found, expected)
    lengths = (view != PAD).sum(dim=1).sort().values.tolist()
    assert seen == [
        (TOGETHER, lengths[TOGETHER - 1]), (TOGETHER, lengths[2 * TOGETHER - 1]), (9, lengths[-1]),
    ]  # fmt: skip
    seen.clear()
    assert by_length(layers, view[:0], embedding, more[:0]).shape == (0,)
    assert seen == [(0, 1)]


def test_means_leave_padding_out():
    tokens = torch.tensor([[[1.0], [3.0], [90.0]], [[90.0], [90.0], [90.0]]])
    padding = torch.tensor([[False, False, True], [True, True, True]])
    assert pooled(tokens, padding).tolist() == [[2.0], [0.0]]


def test_who_can_be_trained_token_by_token():
    assert text_encoder(make("bag"), "simcse", contextual=False) is not None
    with pytest.raises(UserError, match="mlm predicts tokens from those around them"):
        text_encoder(make("bag"), "mlm")
    tfidf = build_encoder(TfidfConfig(words=4, characters=0), packing())
    with pytest.raises(UserError, match="mlm needs an encoder of texts that is trained here, got Tfidf"):
        text_encoder(tfidf, "mlm")


@pytest.mark.parametrize("config", [*CONFIGS.values(), TfidfConfig()])
def test_images_are_refused(config):
    from components.modalities.image.config import image_packing

    with pytest.raises(UserError, match="takes text samples and the recipe's modality is image; for image: "):
        build_encoder(config, image_packing())
