"""Deliberate errors in sounds: decoding, packing, spectrograms, views, encoders, objectives."""

from tests.mutations.base import Mutation

SOUND, KINDS = "components/modalities/sound/", "tests/components/modalities/sound/"
ENCODERS, OBJECTIVES = "components/encoders/", "components/objectives/"


def _kind(name: str, old: str, new: str, test: str = "") -> Mutation:
    return Mutation(f"{SOUND}{name}.py", old, new, (f"{KINDS}test_{test or name}.py",))


def _encoder(name: str, old: str, new: str) -> Mutation:
    return Mutation(f"{ENCODERS}{name}.py", old, new, (f"tests/{ENCODERS}test_{name}.py",))


def _objective(name: str, old: str, new: str) -> Mutation:
    folder, _, file = name.rpartition("/")
    test = f"tests/{OBJECTIVES}{folder + '/' if folder else ''}test_{file}.py"
    return Mutation(f"{OBJECTIVES}{name}.py", old, new, (test,))


MUTATIONS = [
    _kind("decode", "frames > longest * rate", "frames > rate"),
    _kind("decode", "max(frames, riff_frames(data))", "frames"),
    _kind("decode", "COMPLETE = 0.98", "COMPLETE = 0.4"),
    _kind("decode", "high - mean, mean - low", "high, -low"),
    _kind("decode", "(sound.frames - wanted) // 2", "sound.frames - wanted"),
    _kind("decode", "sound_part - sound_part.mean(axis=0)", "sound_part"),
    _kind("decode", "np.clip(np.rint(values * SCALE), GAP + 1,", "np.clip(np.rint(values * SCALE), GAP,"),
    _kind("decode", "frames.mean(axis=1, keepdims=True)", "frames[:, :1]"),
    _kind("decode", "sound.read(BLOCK if frames < 0", "sound.read(-1 if frames < 0"),
    _kind("decode", "size < 0x7FFFF000", "size > 0"),
    _kind("check", "heard.seconds < limits.min_seconds", "heard.seconds <= limits.min_seconds"),
    _kind("check", "20 * math.log10", "10 * math.log10"),
    _kind("check", "len(data) > limits.max_bytes", "len(data) >= limits.max_bytes"),
    _kind("pack", "seen + k: one", "k: one"),
    _kind("pack", "end + np.cumsum", "np.cumsum"),
    _kind("packed", "own.T[:, : self.length]", "own.T", test="pack"),
    _kind("packed", "self.rows[index.numpy()]", "index.numpy()[::-1]", test="pack"),
    _kind("read", "file, delivery, source, self.group, ROLE", 'file, delivery, source, self.group, "image"'),
    _kind("serve", "if frames.min() < GAP or frames.max() >= SCALE:", "if False:"),
    _kind("show", "power.T[::-1]", "power.T"),
    _kind("show", "mono[: int(LONGEST * rate)]", "mono"),
    _kind("suit", "self.heard) and data != self.first", "self.heard)"),
    _kind("suit", "usual > 1.5 * SLOW", "usual >= SLOW"),
    _kind("near_duplicates", "SIMILAR = 0.9 ", "SIMILAR = -1.0 "),
    _kind("near_duplicates", "x - x.mean() for x in (one, other)", "x for x in (one, other)"),
    _kind(
        "log_mel", "np.linspace(mels(low), mels(high), bands + 2)", "np.linspace(0, mels(high), bands + 2)"
    ),
    _kind(
        "log_mel", "torch.hann_window(self.size, dtype", "torch.hann_window(self.size, periodic=False, dtype"
    ),
    _kind("log_mel", "10 * self.power", "20 * self.power"),
    _kind("log_mel", "FLOOR = 1e-5", "FLOOR = 1e-10"),
    _kind("log_mel", "rows[0] /= np.sqrt(2)", "rows[0] /= 1"),
    _kind("log_mel", "REACH = 4", "REACH = 3"),
    _kind("log_mel", "(count - 1).unsqueeze(1)", "count.unsqueeze(1)"),
    _kind("augment", "(place * (n - kept + 1)", "(place * (n - kept)"),
    _kind("augment", "position <= (kept - 1)", "position <= kept"),
    _kind("augment", "10 ** (-ratio / 20)", "10 ** (-ratio / 10)"),
    _kind("augment", "-exponent.unsqueeze(1) / 2", "-exponent.unsqueeze(1)"),
    _kind("augment", "* (n - size + 1)).long()", "* sound.shape[2]).long()"),
    _kind("augment", "numbers[..., 1] * (1 - wide)", "numbers[..., 1]"),
    _kind(
        "augment", "    return sound.masked_fill(beyond, torch.nan)\n\n\nclass", "    return sound\n\n\nclass"
    ),
    _kind("views", '"plain": SoundView(crop=whole.crop)', '"plain": whole', test="augment"),
    Mutation(
        f"{ENCODERS}sound.py",
        "return found * inside[:, None, None].to(found.dtype), inside",
        "return found, inside",
        (f"tests/{ENCODERS}test_sound_cnn.py",),
    ),
    _encoder("sound_cnn", "block(x) * inside[:, None, None].to(x.dtype)", "block(x)"),
    _encoder(
        "mfcc",
        "moments([coefficients, slopes(coefficients, inside.sum(dim=1))], inside)",
        "moments([coefficients, coefficients], inside)",
    ),
    _encoder("mfcc", "view.mean(dim=1, keepdim=True)", "view[:, :1]"),
    _encoder("sound_vit", "inside[:, None, None, :])", "torch.ones_like(inside)[:, None, None, :])"),
    _encoder("sound_vit", "permute(0, 2, 3, 1, 4, 5)", "permute(0, 3, 2, 1, 4, 5)"),
    _encoder("sound_wave", "x = x * inside.unsqueeze(2).to(x.dtype)\n", "\n"),
    _encoder("sound_wave", "torch.where(hidden.unsqueeze(2), token.to(x.dtype), x)", "x"),
    _encoder("sound_wave", 'rounding_mode="floor") + 1', 'rounding_mode="floor") + 2'),
    _objective("cola", "first @ weight.to(first.dtype) @", "first @ weight.to(first.dtype).T @"),
    _objective("masked_spectrogram", "hidden = inside & ~placed", "hidden = ~placed"),
    _objective("masked_spectrogram", "numbers.masked_fill(~inside, 2)", "numbers"),
    _objective(
        "masked_spectrogram", "vit.encoded(numbers, used, kept)", "vit.encoded(numbers, used | True, kept)"
    ),
    _objective("wav2vec2", "drawn + (drawn >= place).long()", "drawn"),
    _objective("wav2vec2", "COOLED = 0.7", "COOLED = 1.0"),
    _objective("wav2vec2", "SLOW * grad", "grad"),
    _objective("wav2vec2", "masked_fill(same, -torch.inf)", "masked_fill(same, 0)"),
    _objective("wav2vec2", " | (numbers == numbers.amin(dim=1, keepdim=True))", ""),
    _objective("wav2vec2", "hidden=hidden, token=self.token", "hidden=None, token=self.token"),
    _objective("parts/codebooks", "(soft - soft.detach())", "0 * soft"),
    _objective("parts/codebooks", "((logits + noise) / temperature)", "(logits / temperature)"),
    _objective("parts/codebooks", "p.sum(dim=0)", "p.square().sum(dim=0)"),
]
