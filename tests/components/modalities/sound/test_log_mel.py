"""Log-mel spectrograms, MFCCs and slopes beside librosa.

The values were computed once with librosa 0.11.0 in float64, for the sound of `chirp`:
    mel = librosa.feature.melspectrogram(y=x, dtype=np.float64, sr=8000, n_fft=200, win_length=200, hop_length=80,
        center=True, pad_mode="constant", power=2, n_mels=40, fmin=50, fmax=4000)
    db = librosa.power_to_db(mel, ref=1.0, amin=1e-5, top_db=None)
    mfcc = librosa.feature.mfcc(S=db, n_mfcc=20)
    delta = librosa.feature.delta(mfcc, width=9, mode="nearest")
of rows and columns 0, 10, 39 (0, 1, 19 of mfcc and delta) and 0, 25, 50.
"""

import numpy as np
import pytest
import torch

from components.modalities.sound.log_mel import (
    LogMel,
    cosines,
    fourier,
    hertz,
    mel_filters,
    mels,
    moments,
    slopes,
)

DB = [
    [-8.302950308831642, -50.0, -32.42152626910509],
    [-21.860180316479315, 1.5182845257256983, -28.939147826290693],
    [-35.46708934785886, -50.0, -35.786565813088515],
]
MFCC = [
    [-166.94065455908535, -263.9004583062472, -183.98334740344183],
    [57.73987150780397, 14.391267582252114, 7.62140574000423],
    [-0.7880754386616777, -6.552799430444217, -1.172561572048467],
]
DELTA = [
    [-14.99101268819634, -0.28275856175894226, 14.914763894379092],
    [-3.3467624115462242, -1.1089721414957427, 3.0196617604144813],
    [-0.6114647460634189, 0.42662368149347607, 0.19042596195433228],
]
WHEN = [0, 25, 50]


def chirp(dtype=torch.float64):
    t = np.arange(4000) / 8000
    x = 0.5 * np.sin(2 * np.pi * (300 + 800 * t) * t) * np.exp(-3 * t) + 0.1 * np.sin(2 * np.pi * 2500 * t)
    return torch.from_numpy(x).to(dtype)[None, None]


def front(dtype=torch.float64):
    return LogMel(8000, bands=40, window=0.025, hop=0.01, low=50)(chirp(dtype))[0, 0]


def test_it_is_what_librosa_computes():
    db = front()
    assert db.shape == (40, 51)
    np.testing.assert_allclose(db[[0, 10, 39]][:, WHEN], DB, atol=1e-4)
    mfcc = cosines(40, 20).double() @ db
    np.testing.assert_allclose(mfcc[[0, 1, 19]][:, WHEN], MFCC, atol=1e-4)
    delta = slopes(mfcc[None], torch.tensor([51]))[0]
    np.testing.assert_allclose(delta[[0, 1, 19]][:, WHEN], DELTA, atol=1e-4)


def test_float32_is_near_it_and_autocast_changes_nothing():
    db = front(torch.float32)
    np.testing.assert_allclose(db, front(), atol=2e-3)  # of a band 100 dB below the loudest
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(front(torch.float32), db)


def test_the_export_computes_the_same():
    log_mel, x = LogMel(8000, bands=40, window=0.025, hop=0.01, low=50), chirp().flatten(0, 1)
    products, transform = log_mel._by_products(x), log_mel._by_transform(x)
    torch.testing.assert_close(products, transform, atol=1e-4, rtol=1e-5)


def test_what_follows_a_sound_does_not_change_its_own_frames():
    log_mel, x = LogMel(8000, bands=40, window=0.025, hop=0.01, low=50), chirp()
    longer = torch.cat([x, torch.zeros(1, 1, 1000, dtype=x.dtype)], dim=2)
    torch.testing.assert_close(log_mel(longer)[..., :51], log_mel(x))
    assert log_mel.frames(torch.tensor([0, 79, 80, 4000])).tolist() == [1, 1, 2, 51]


def test_the_scale_and_the_filters():
    assert [mels(0), mels(1000), mels(6400)] == pytest.approx([0, 15, 42])
    np.testing.assert_allclose(
        hertz(np.array([mels(f) for f in (0.0, 700.0, 1000.0, 3000.0)])), [0, 700, 1000, 3000]
    )
    filters = mel_filters(8000, 200, 40, 50, 4000)
    np.testing.assert_allclose(filters[3][6:9], [0.00706689, 0.01590007, 0.00312551], atol=1e-8)  # librosa's
    assert (filters[3] > 0).sum() == 3
    wide = mel_filters(8000, 8000, 10, 50, 4000)  # a frequency each Hz: the area is the sum
    np.testing.assert_allclose(wide.sum(axis=1), 1, atol=1e-3)


def test_the_transform_of_a_cosine_is_one_line():
    time = torch.arange(64)
    real, imaginary = (fourier(64) @ torch.cos(2 * torch.pi * 5 * time / 64).float()).chunk(2)
    power = real**2 + imaginary**2
    assert power.argmax() == 5
    assert float(power[5]) == pytest.approx(16**2, rel=1e-4)  # sum of half a Hann window
    assert float(power[8:].max()) < 1e-6


def test_slopes_of_lines_are_their_slopes():
    line = 3 * torch.arange(20.0)[None, None] + 7
    found = slopes(line, torch.tensor([20]))[0, 0]
    torch.testing.assert_close(found[4:16], torch.full((12,), 3.0))
    # At the first frame values before it are its own: sum of k * 3 k over 2 * 30.
    assert float(found[0]) == pytest.approx(3 * 30 / 60)
    short = torch.cat([line[..., :12], torch.full((1, 1, 8), 99.0)], dim=2)
    torch.testing.assert_close(
        slopes(short, torch.tensor([12]))[..., :12], slopes(line[..., :12], torch.tensor([12]))
    )


def test_moments_are_of_the_frames_inside():
    values = torch.tensor([[[1.0, 3.0, 100.0], [2.0, 2.0, -5.0]]])
    inside = torch.tensor([[True, True, False]])
    torch.testing.assert_close(moments([values], inside), torch.tensor([[2.0, 2.0, 1.0, 0.0]]))
