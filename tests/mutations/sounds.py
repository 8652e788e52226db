"""Deliberate errors in sounds: decoding, packing, spectrograms, views, encoders, objectives."""

from tests.mutations.base import Mutation

PACK = ("tests/components/modalities/sound/test_pack.py",)
AUGMENT = ("tests/components/modalities/sound/test_augment.py",)
SOUND_CNN = ("tests/components/encoders/test_sound_cnn.py",)

MUTATIONS = [
    Mutation("decode.listen", "frames > longest * rate", "frames > rate"),
    Mutation("decode.listen", "max(frames, riff_frames(data))", "frames"),
    Mutation("sound.decode", "COMPLETE = 0.98", "COMPLETE = 0.4"),
    Mutation("decode.listen", "high - mean, mean - low", "high, -low"),
    Mutation("decode._first", "(sound.frames - wanted) // 2", "sound.frames - wanted"),
    Mutation("decode._first", "sound_part - sound_part.mean(axis=0)", "sound_part"),
    Mutation(
        "decode.stored", "np.clip(np.rint(values * SCALE), GAP + 1,", "np.clip(np.rint(values * SCALE), GAP,"
    ),
    Mutation("decode.mixed", "frames.mean(axis=1, keepdims=True)", "frames[:, :1]"),
    Mutation("blocks", "sound.read(BLOCK if frames < 0", "sound.read(-1 if frames < 0"),
    Mutation("riff_frames", "size < 0x7FFFF000", "size > 0"),
    Mutation(
        "sound.check._examined", "heard.seconds < limits.min_seconds", "heard.seconds <= limits.min_seconds"
    ),
    Mutation("sound.check._examined", "20 * math.log10", "10 * math.log10"),
    Mutation("sound.check._examined", "len(data) > limits.max_bytes", "len(data) >= limits.max_bytes"),
    Mutation("pack_sounds", "seen + k: one", "k: one"),
    Mutation("pack_sounds", "end + np.cumsum", "np.cumsum"),
    Mutation("PackedSounds.row", "own.T[:, : self.length]", "own.T", PACK),
    Mutation("PackedSounds.gather", "self.rows[index.numpy()]", "index.numpy()[::-1]", PACK),
    Mutation(
        "SoundReader.rows",
        "file, delivery, source, self.group, ROLE",
        'file, delivery, source, self.group, "image"',
    ),
    Mutation("_waveform", "if frames.min() < GAP or frames.max() >= SCALE:", "if False:"),
    Mutation("show.spectrogram", "power.T[::-1]", "power.T"),
    Mutation("show.played", "mono[: int(LONGEST * rate)]", "mono"),
    Mutation("SoundLook.add", "self.heard) and data != self.first", "self.heard)"),
    Mutation("SoundLook.rate", "usual > 1.5 * SLOW", "usual >= SLOW"),
    Mutation("sound.near_duplicates", "SIMILAR = 0.9 ", "SIMILAR = -1.0 "),
    Mutation(
        "sound.near_duplicates.similarity", "x - x.mean() for x in (one, other)", "x for x in (one, other)"
    ),
    Mutation(
        "log_mel.mel_filters",
        "np.linspace(mels(low), mels(high), bands + 2)",
        "np.linspace(0, mels(high), bands + 2)",
    ),
    Mutation(
        "LogMel.__init__",
        "torch.hann_window(self.size, dtype",
        "torch.hann_window(self.size, periodic=False, dtype",
    ),
    Mutation("LogMel.forward", "10 * self.power", "20 * self.power"),
    Mutation("log_mel", "FLOOR = 1e-5", "FLOOR = 1e-10"),
    Mutation("log_mel.cosines", "rows[0] /= np.sqrt(2)", "rows[0] /= 1"),
    Mutation("log_mel", "REACH = 4", "REACH = 3"),
    Mutation("slopes", "(count - 1).unsqueeze(1)", "count.unsqueeze(1)"),
    Mutation("augment.played", "(place * (n - kept + 1)", "(place * (n - kept)"),
    Mutation("augment.played", "position <= (kept - 1)", "position <= kept"),
    Mutation("_filtered", "10 ** (-ratio / 20)", "10 ** (-ratio / 10)"),
    Mutation("coloured", "-exponent.unsqueeze(1) / 2", "-exponent.unsqueeze(1)"),
    Mutation("silenced", "* (n - size + 1)).long()", "* sound.shape[2]).long()"),
    Mutation("without_bands", "numbers[..., 1] * (1 - wide)", "numbers[..., 1]"),
    Mutation(
        "sound.augment",
        "    return sound.masked_fill(beyond, torch.nan)\n\n\nclass",
        "    return sound\n\n\nclass",
    ),
    Mutation("SoundViews.roles", '"plain": SoundView(crop=whole.crop)', '"plain": whole', AUGMENT),
    Mutation(
        "SpectrumEncoder.spectrum",
        "return found * inside[:, None, None].to(found.dtype), inside",
        "return found, inside",
        SOUND_CNN,
    ),
    Mutation("SoundCnn.forward", "block(x) * inside[:, None, None].to(x.dtype)", "block(x)"),
    Mutation(
        "Mfcc.statistics",
        "moments([coefficients, slopes(coefficients, inside.sum(dim=1))], inside)",
        "moments([coefficients, coefficients], inside)",
    ),
    Mutation("Mfcc.statistics", "view.mean(dim=1, keepdim=True)", "view[:, :1]"),
    Mutation("SoundVit.encoded", "inside[:, None, None, :])", "torch.ones_like(inside)[:, None, None, :])"),
    Mutation("SoundVit.patches", "permute(0, 2, 3, 1, 4, 5)", "permute(0, 3, 2, 1, 4, 5)"),
    Mutation("SoundWave.contextual", "x = x * inside.unsqueeze(2).to(x.dtype)\n", "\n"),
    Mutation("SoundWave.contextual", "torch.where(hidden.unsqueeze(2), token.to(x.dtype), x)", "x"),
    Mutation("SoundWave.latents", 'rounding_mode="floor") + 1', 'rounding_mode="floor") + 2'),
    Mutation("bilinear_loss", "first @ weight.to(first.dtype) @", "first @ weight.to(first.dtype).T @"),
    Mutation("MaskedSpectrogram.forward", "hidden = inside & ~placed", "hidden = ~placed"),
    Mutation("masked_spectrogram.split", "numbers.masked_fill(~inside, 2)", "numbers"),
    Mutation(
        "MaskedSpectrogram.forward",
        "vit.encoded(numbers, used, kept)",
        "vit.encoded(numbers, used | True, kept)",
    ),
    Mutation("wav2vec2.others", "drawn + (drawn >= place).long()", "drawn"),
    Mutation("wav2vec2", "COOLED = 0.7", "COOLED = 1.0"),
    Mutation("_Slowed.backward", "SLOW * grad", "grad"),
    Mutation("wav2vec2.contrast", "masked_fill(same, -torch.inf)", "masked_fill(same, 0)"),
    Mutation("wav2vec2.spans", " | (numbers == numbers.amin(dim=1, keepdim=True))", ""),
    Mutation("Wav2vec2Loss.forward", "hidden=hidden, token=self.token", "hidden=None, token=self.token"),
    Mutation("Codebooks.forward", "(soft - soft.detach())", "0 * soft"),
    Mutation("Codebooks.forward", "((logits + noise) / temperature)", "(logits / temperature)"),
    Mutation("perplexities", "p.sum(dim=0)", "p.square().sum(dim=0)"),
]
