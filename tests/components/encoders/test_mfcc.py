from pathlib import Path

import numpy as np
import pytest
import torch

from components.encoders.baseline import baseline_config, baseline_encoder, baseline_features
from components.encoders.mfcc import Mfcc, MfccConfig
from components.modalities.sound.log_mel import cosines, slopes
from components.modalities.sound.views import SoundViews
from components.registry.onnx import export_encoder
from tests.components.modalities.cases import made
from tests.components.objectives.sounds import PACKING, sounds

CONFIG = MfccConfig(mels=20, coefficients=5)


def test_statistics_are_those_of_each_sound_alone():
    """Beside a loop over sounds without padding."""
    encoder, x = Mfcc(CONFIG, PACKING), sounds(4, shortest=0.4)
    found = encoder.statistics(x)
    assert found.shape == (4, 20)
    for row, sound in zip(found, x, strict=True):
        alone = sound[:, ~sound[0].isnan()][None]
        coefficients = cosines(20, 5) @ encoder.log_mel(alone)[0, 0]
        delta = slopes(coefficients[None], torch.tensor([coefficients.shape[1]]))[0]
        expected = [m for part in (coefficients, delta) for m in (part.mean(1), part.std(1, unbiased=False))]
        torch.testing.assert_close(row, torch.cat(expected), atol=2e-3, rtol=1e-4)


def test_channels_are_mixed():
    encoder, x = Mfcc(CONFIG, PACKING), sounds(2)
    both = torch.cat([x, -x / 2], dim=1)
    torch.testing.assert_close(encoder.statistics(both), encoder.statistics(x / 4), atol=1e-3, rtol=1e-4)


def test_features_of_the_training_samples_are_standardised(tmp_path):
    samples = made("sound", tmp_path).samples
    views = samples.views
    assert isinstance(views, SoundViews)
    assert baseline_config(views) == MfccConfig()
    encoder = baseline_encoder(samples.open(), views)
    features = baseline_features(encoder, samples.open(), views)
    assert features.shape == (24, 80)
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-3)
    np.testing.assert_allclose(features.std(axis=0), 1, atol=1e-2)


def test_a_feature_that_does_not_vary_is_0():
    encoder, x = Mfcc(CONFIG, PACKING), sounds(1).repeat(3, 1, 1)
    encoder.fit([x])
    assert float(encoder(x).abs().max()) == pytest.approx(0, abs=1e-3)


def test_it_is_exported_for_any_number_of_sounds(tmp_path: Path):
    """By the exporter that takes half a second: the other one is tried where it fails, and says so."""
    encoder, x = Mfcc(CONFIG, PACKING), sounds(6, shortest=0.3)
    encoder.fit([x])
    assert export_encoder(encoder, x, tmp_path / "mfcc.onnx") < 1e-4
