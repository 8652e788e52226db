"""Deliberate errors in texts: decoding, vocabulary, packing, views, encoders, objectives that predict tokens."""

from tests.mutations.base import Mutation

TEXT, KINDS = "components/modalities/text/", "tests/components/modalities/text/"
ENCODERS, OBJECTIVES = "components/encoders/", "components/objectives/"


def _kind(name: str, old: str, new: str) -> Mutation:
    return Mutation(f"{TEXT}{name}.py", old, new, (f"{KINDS}test_{name}.py",))


def _packed(old: str, new: str) -> Mutation:
    return Mutation(f"{TEXT}packed.py", old, new, (f"{KINDS}test_pack.py",))


def _encoder(name: str, old: str, new: str) -> Mutation:
    tests = (f"tests/components/encoders/test_{name}.py", "tests/components/encoders/test_text.py")
    return Mutation(f"{ENCODERS}{name}.py", old, new, tests)


def _objective(name: str, old: str, new: str) -> Mutation:
    folder, _, file = name.rpartition("/")
    return Mutation(
        f"{OBJECTIVES}{name}.py",
        old,
        new,
        (f"tests/{OBJECTIVES}{folder + '/' if folder else ''}test_{file}.py",),
    )


MUTATIONS = [
    _kind("decode", 'unicodedata.normalize("NFC", text)', "text"),
    _kind("decode", ".translate(INVISIBLE)", ""),
    _kind("decode", "JUNK = 0.05", "JUNK = 0.07"),
    _kind("decode", 'b"\\xfe\\xff": "utf-16"', 'b"\\xfe\\xff": "utf-16-le"'),
    _kind("decode", "FIELDS = 2", "FIELDS = 1"),
    _kind("decode", " and not _is_attached(part)", ""),
    _kind("decode", "[_body(part) for part in plain] or ", "[_body(part) for part in plain] + "),
    _kind("decode", "        if until and not low.startswith(until):\n            continue\n", ""),
    _kind("check", "len(data) > limits.max_bytes", "len(data) >= limits.max_bytes"),
    _kind("check", "count < limits.min_chars", "count <= limits.min_chars"),
    _kind("read", "row[self.column].encode()", "row[self.column].lower().encode()"),
    _kind("read", "row.get(source.lower(), ", "row.get(source, "),
    _kind("read", "for end in range(min(4, len(head)))", "for end in range(1)"),
    _kind("tokenizer", "ids[: self.length - 1]", "ids[: self.length]"),
    _kind("tokenizer", "frequent[: size // 2]", "frequent"),
    _kind("tokenizer", '.replace(BEGINS, " ")', ""),
    _kind("tokenizer", "key=numbers.__getitem__", "key=str"),
    _kind("tokenizer", "text = text.lower() if lower else text", "text = text.lower()"),
    _kind("tokenizer", 'category(c) != "Mn"', 'category(c) != "Mc"'),
    _kind("tokenizer", "line[2:] if", "line if"),
    _packed("begin[:, None] + place", "begin[:1, None] + place"),
    _packed("self.rows[index.numpy()]", "index.numpy()"),
    _kind("pack", "self.seen + number] = str(error)", "number] = str(error)"),
    _kind("pack", "writer.end + np.cumsum", "np.cumsum"),
    _kind("pack", "if packing is None:", "if True:"),
    _kind("augment", "(place * (count - kept + 1)", "(place * (count - kept)"),
    _kind("augment", "numbers.gather(1, start)", "numbers"),
    _kind("augment", "key[:, 0] = -1\n", "\n"),
    _kind("augment", " | (numbers == best)", ""),
    _kind("augment", "    hidden[:, 0] = False\n", ""),
    _kind("augment", "draws[:, 2:, : view.shape[1]]", "draws[:, 2:, -view.shape[1] :]"),
    _kind(
        "augment",
        "_draws(len(view), packing.length, generator)",
        "_draws(len(view), view.shape[1], generator)",
    ),
    _kind("views", 'update={"crop": LOCAL}', 'update={"crop": (1.0, 1.0)}'),
    _kind("show", "html.escape(shown)", "shown"),
    _kind("near_duplicates", "len(one | other)", "len(one)"),
    _kind("near_duplicates", " >= SIMILAR", " >= 0"),
    _kind("near_duplicates", "hashes + np.uint64(number + 1)", "hashes"),
    _kind("suit", "(1 + PIECES * self.longest)", "self.longest"),
    _encoder("text", " * inside).sum(dim=1)", ").sum(dim=1)"),
    _encoder("text", "[order.argsort()]", "[order]"),
    _encoder("text", "more[own]", "more[: len(own)]"),
    _encoder("text_bag", ", padding_idx=PAD", ""),
    _encoder("text_bag", "embedded.masked_fill(padding.unsqueeze(2), 0)", "embedded + 0.0"),
    _encoder("text_transformer", "seen[..., 0] = True\n", "pass\n"),
    _encoder(
        "text_transformer", "dtype=torch.bool, device=padding.device).tril()", "dtype=torch.bool).triu()"
    ),
    _encoder("text_transformer", "(3, self.heads, -1)", "(self.heads, 3, -1)"),
    _encoder("text_transformer", "a * sin + b * cos", "b * cos - a * sin"),
    _encoder("text_transformer", "attn_mask=seen", "attn_mask=None"),
    _encoder(
        "text_bert",
        "(view != PAD).sum(dim=1, keepdim=True), SEP)",
        "(view != PAD).sum(dim=1, keepdim=True), PAD)",
    ),
    _encoder("text_bert", "plain[list(special)] = False", "plain[: len(special)] = False"),
    _encoder("text_bert", '("query", "key", "value")', '("query", "value", "key")'),
    _encoder("text_bert", " + self.kinds.weight[0]", ""),
    _encoder("text_bert", "[:, : view.shape[1]]", ""),
    _encoder("tfidf", "np.log((1 + texts) / (1 + ", "np.log(texts / ("),
    _encoder("tfidf", "set(half.keys_of(text))", "half.keys_of(text)"),
    _encoder("tfidf", "count[some] = 1 + np.log(count[some])", "count[some] = np.log(1 + count[some])"),
    _encoder("tfidf", "places[keys[places] == asked]", "places"),
    _encoder("tfidf", "            break\n", "            pass\n"),
    _objective("parts/token_masks", "(view >= FIRST)", "(view > 0)"),
    _objective("parts/token_masks", "numbers < 0.9", "numbers < 0.95"),
    _objective("parts/token_masks", "values.sum() * world()", "values.sum()"),
    _objective("mlm", "text.tokens(seen)", "text.tokens(view)"),
    _objective("mlm", "stream=stream", "stream=0"),
    _objective("causal_lm", "text.tokens(view)[:, :-1]", "text.tokens(view)[:, 1:]"),
    _objective("causal_lm", ">= FIRST", ">= 0"),
    _objective("electra", "filled != view", "hidden"),
    _objective("electra", "self.generator(view.masked_fill(hidden, MASK)", "self.generator(view"),
    _objective("electra", "[:, FIRST:]", ""),
    _objective("electra", "self.config.weight * finding", "finding"),
    _objective("simcse", "batch.index, stream)", "batch.index, 0)"),
    _objective("simcse", " / (1 - self.config.dropout)", ""),
    _objective("tsdae", "thinned(view, numbers, self.config.deleted)", "view"),
    _objective("tsdae", "causal=True", "causal=False"),
    _objective("tsdae", "feature).unsqueeze(1)", "feature * 0).unsqueeze(1)"),
]
