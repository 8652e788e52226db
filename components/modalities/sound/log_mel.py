"""Log-mel spectrograms and MFCCs, in plain torch.

Sources: the definitions of librosa 0.11 (librosa.feature.melspectrogram, power_to_db, mfcc and delta), with which the
results agree: mel scale and filter areas of Slaney's Auditory Toolbox (1998), periodic Hann window, frames centred
with zeros beyond the ends, powers, dB with a floor of 1e-5; DCT of type II, orthonormal; slopes by least squares over
9 frames. In float32 also under autocast. In an export to ONNX, which has no complex numbers, the Fourier transform is a
matrix product.
Letters: B samples, C channels, T values of a view, F frames, W values of a window, K frequencies, M mel bands, Q
coefficients.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from components.arrays import Doubles

FLOOR = 1e-5  # power below which nothing is told apart: -50 dB, some 75 dB below a sine at full scale
REACH = 4  # frames on each side over which a slope is fitted


class LogMel(nn.Module):
    """[B, C, T] waveform -> [B, C, M, F] dB, F = 1 + T // hop.

    rate: Hz. window, hop: seconds. low, high: Hz, the ends of the mel bands.
    """

    window: Tensor
    filters: Tensor

    def __init__(
        self, rate: int, *, bands: int, window: float, hop: float, low: float = 0.0, high: float | None = None
    ) -> None:
        super().__init__()
        self.size, self.hop, self.bands = max(4, round(window * rate)), max(1, round(hop * rate)), bands
        self.register_buffer("window", torch.hann_window(self.size, dtype=torch.float64), persistent=False)
        mel = mel_filters(rate, self.size, bands, low, high or rate / 2)
        self.register_buffer("filters", torch.from_numpy(mel), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        with torch.autocast(waveform.device.type, enabled=False):
            return 10 * self.power(waveform).clamp(min=FLOOR).log10()

    def power(self, waveform: Tensor) -> Tensor:
        """[B, C, T] -> [B, C, M, F]."""
        x = waveform if waveform.dtype == torch.float64 else waveform.float()
        rows = F.pad(x.flatten(0, 1), (self.size // 2, self.size // 2))  # [B C, W + T]
        powers = self._by_products(rows) if torch.onnx.is_in_onnx_export() else self._by_transform(rows)
        mel: Tensor = self.filters.to(x.dtype) @ powers
        return mel.reshape(*waveform.shape[:2], *mel.shape[1:])

    def _by_transform(self, rows: Tensor) -> Tensor:
        """[n, W + T] -> [n, K, F]."""
        window = self.window.to(rows.dtype)
        waves = torch.stft(rows, self.size, self.hop, window=window, center=False, return_complex=True)
        return waves.real.square() + waves.imag.square()

    def _by_products(self, rows: Tensor) -> Tensor:
        basis = fourier(self.size).to(rows).unsqueeze(1)
        real, imaginary = F.conv1d(rows.unsqueeze(1), basis, stride=self.hop).chunk(2, dim=1)
        return real.square() + imaginary.square()

    def frames(self, lengths: Tensor) -> Tensor:
        """[B] values of each sound -> [B] frames: those that its own spectrogram has."""
        return 1 + lengths // self.hop


def fourier(size: int) -> Tensor:
    """[2 K, size] float32: a periodic Hann window times cosines, then times sines, of K = size // 2 + 1 frequencies."""
    time, frequency = np.arange(size), np.arange(size // 2 + 1)[:, None]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * time / size)
    angle = 2 * np.pi * (frequency * time % size) / size
    return torch.from_numpy(np.concatenate([window * np.cos(angle), window * np.sin(angle)])).float()


def mel_filters(rate: int, size: int, bands: int, low: float, high: float) -> Doubles:
    """[M, K] triangles between M + 2 edges that are equally far apart on the mel scale, each of area 1 (in Hz)."""
    frequency = np.linspace(0, rate / 2, size // 2 + 1)
    edges = hertz(np.linspace(mels(low), mels(high), bands + 2))
    width = np.diff(edges)
    ramps = edges[:, None] - frequency
    rising, falling = -ramps[:-2] / width[:-1, None], ramps[2:] / width[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    filters: Doubles = triangles * (2 / (edges[2:] - edges[:-2]))[:, None]
    return filters


LINEAR, BREAK, STEP = (
    200 / 3,
    1000.0,
    math.log(6.4) / 27,
)  # Hz a mel below the break; Hz; log of Hz a mel above it


def mels(frequency: float) -> float:
    """Hz -> mels of Slaney's scale: linear up to 1000 Hz (15 mels), then logarithmic; 6400 Hz: 42."""
    if frequency < BREAK:
        return frequency / LINEAR
    return BREAK / LINEAR + math.log(frequency / BREAK) / STEP


def hertz(mel: Doubles) -> Doubles:
    """The inverse of `mels`."""
    bend = BREAK / LINEAR
    found: Doubles = np.where(mel < bend, LINEAR * mel, BREAK * np.exp(STEP * (np.maximum(mel, bend) - bend)))
    return found


def cosines(bands: int, count: int) -> Tensor:
    """[Q, M] float32: the first `count` rows of the orthonormal DCT of type II."""
    angle = np.pi / bands * (np.arange(bands) + 0.5) * np.arange(count)[:, None]
    rows = np.sqrt(2 / bands) * np.cos(angle)
    rows[0] /= np.sqrt(2)
    return torch.from_numpy(rows).float()


def slopes(values: Tensor, count: Tensor) -> Tensor:
    """[B, Q, F] -> [B, Q, F]: the slope a frame of the least-squares line over 9 frames; before the first and after the
    last of a sound's `count` [B] frames their values go on.

    Of a line it is its slope, but for 4 frames at each end.
    """
    places, last = torch.arange(values.shape[2], device=values.device), (count - 1).unsqueeze(1)
    total = torch.zeros_like(values)
    for step in range(1, REACH + 1):
        after = torch.minimum(places + step, last)
        before = torch.minimum((places - step).clamp(min=0), last)
        total = total + step * (_at(values, after) - _at(values, before))
    return total / (2 * sum(step**2 for step in range(1, REACH + 1)))


def _at(values: Tensor, places: Tensor) -> Tensor:
    """values [B, Q, F] at places [B, F]."""
    return values.gather(2, places.unsqueeze(1).expand_as(values))


def moments(parts: Sequence[Tensor], inside: Tensor) -> Tensor:
    """Several [B, Q, F] -> [B, 2 Q a part]: mean and standard deviation over the frames that are `inside` [B, F]."""
    weight = inside.unsqueeze(1).to(parts[0].dtype)
    count = weight.sum(dim=2).clamp(min=1)
    found = []
    for part in parts:
        mean = (part * weight).sum(dim=2) / count
        variance = ((part - mean.unsqueeze(2)).square() * weight).sum(dim=2) / count
        found += [mean, variance.sqrt()]
    return torch.cat(found, dim=1)
