import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from components.encoders import build_encoder
from components.encoders.baseline import baseline_config, baseline_encoder, baseline_features
from components.encoders.tfidf import NONE, TfidfConfig, character_ngrams
from components.modalities.text.config import TextConfig
from components.modalities.text.modality import Texts
from components.modalities.text.tokenizer import words
from components.modalities.text.views import TextViews
from tests.components.modalities.text.toys import batches, packing, sentences

MANY = 4000  # more features than there are n-grams


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """(packed, packing, words of each text) of 60 sentences, of which the first 40 are known."""
    folder = tmp_path_factory.mktemp("packed")
    texts = Texts(TextConfig(length=40, vocabulary=300))
    given = sentences(60)
    written = texts.pack(batches(given), 60, folder)
    known = texts.packing(written, folder, np.arange(60))
    packed = known.open({name: folder / file for name, file in written.files.items()})
    found = [" ".join(words(packed.row(k).tolist(), known.vocabulary)) for k in range(60)]
    assert found == [text.decode().strip() for text in given]
    return packed, known, found


def fitted(config, packed, known):
    encoder = build_encoder(config, known)
    encoder.fit(packed.gather(torch.arange(start, start + 10)) for start in range(0, 40, 10))
    return encoder


def products(matrix):
    return np.asarray((matrix @ matrix.T).todense())


@pytest.mark.parametrize("sublinear", [True, False])
@pytest.mark.parametrize("longest", [1, 2, 3])
def test_words_as_in_scikit_learn(samples, longest, sublinear):
    packed, known, texts = samples
    config = TfidfConfig(words=MANY, characters=0, longest_run=longest, sublinear=sublinear)
    found = fitted(config, packed, known)(packed.gather(torch.arange(60))).numpy()
    peer = TfidfVectorizer(
        ngram_range=(1, longest),
        sublinear_tf=sublinear,
        tokenizer=str.split,
        token_pattern=None,
        lowercase=False,
    ).fit(texts[:40])
    np.testing.assert_allclose(found @ found.T, products(peer.transform(texts)), atol=1e-5)


@pytest.mark.parametrize("longest", [2, 5, 12])
def test_characters_as_in_scikit_learn(samples, longest):
    packed, known, texts = samples
    found = fitted(TfidfConfig(words=0, characters=MANY, longest_ngram=longest), packed, known)(
        packed.gather(torch.arange(60))
    ).numpy()
    peer = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, longest), sublinear_tf=True, lowercase=False
    ).fit(texts[:40])
    np.testing.assert_allclose(found @ found.T, products(peer.transform(texts)), atol=1e-5)


def test_both_halves_weigh_the_same(samples):
    packed, known, _ = samples
    view = packed.gather(torch.arange(60))
    both = fitted(TfidfConfig(words=MANY, characters=MANY), packed, known)(view)
    one = fitted(TfidfConfig(words=MANY, characters=0), packed, known)(view)
    other = fitted(TfidfConfig(words=0, characters=MANY), packed, known)(view)
    torch.testing.assert_close(both @ both.T, (one @ one.T + other @ other.T) / 2)
    torch.testing.assert_close(both.norm(dim=1), torch.ones(60))


def test_the_n_grams_of_the_most_texts_are_kept(samples):
    packed, known, texts = samples
    encoder = fitted(TfidfConfig(words=5, characters=0, longest_run=1), packed, known)
    counts = {}
    for text in texts[:40]:
        for word in set(text.split()):
            counts[word] = counts.get(word, 0) + 1
    best = sorted(counts.values(), reverse=True)[:5]
    (half,) = encoder.halves
    expected = sorted(np.log(41 / (1 + np.array(best))) + 1)
    np.testing.assert_allclose(sorted(half.idf.tolist()), expected, rtol=1e-6)


def test_features_without_an_n_gram_stay_empty(samples):
    packed, known, _ = samples
    encoder = fitted(TfidfConfig(words=MANY, characters=0), packed, known)
    (half,) = encoder.halves
    used = half.keys != NONE
    assert used.sum() < MANY
    assert not half.idf[~used].any()
    assert not encoder(packed.gather(torch.arange(60)))[:, ~used].any()


def test_unknown_words_and_nothing_are_zero(samples):
    packed, known, _ = samples
    encoder = fitted(TfidfConfig(), packed, known)
    assert not encoder(torch.tensor([[2, 1, 1], [2, 0, 0], [0, 0, 0]])).any()


def test_what_was_counted_is_in_the_tensors(samples):
    packed, known, _ = samples
    encoder = fitted(TfidfConfig(), packed, known)
    other = build_encoder(TfidfConfig(), known)
    other.load_state_dict(encoder.state_dict())
    view = packed.gather(torch.arange(60))
    assert torch.equal(encoder(view), other(view))
    assert not list(encoder.parameters())
    assert not encoder.learnt


def test_it_is_the_baseline_of_texts(samples):
    packed, known, _ = samples
    views = TextViews(known)
    assert baseline_config(views) == TfidfConfig()
    encoder = baseline_encoder(packed, views)
    found = baseline_features(encoder, packed, views, np.arange(7))
    assert found.shape == (7, 8192)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_character_n_grams_by_hand():
    assert character_ngrams("ab", 3) == [" a", "ab", "b ", " ab", "ab "]
    assert character_ngrams("a", 5) == [" a", "a ", " a "]
    assert character_ngrams("", 4) == ["  "]


def test_nothing_at_all_is_refused():
    with pytest.raises(ValueError, match="words or characters must be above 0"):
        TfidfConfig(words=0, characters=0)


def test_a_model_of_it_is_built_from_its_configuration_alone():
    assert build_encoder(TfidfConfig(words=3, characters=2), packing()).feature_dim == 5
