"""Deliberate errors in pairs of an image and a caption: bytes, inbox, packing, views, towers, objectives, figures."""

from tests.mutations.base import Mutation

KIND = "tests/components/modalities/pair"
READ, PACK, VIEWS = ((f"{KIND}/test_{name}.py",) for name in ("read", "pack", "views"))
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "pairs")
KINDS = ("tests/pipelines/onboarding/test_kinds.py",)
TOWERS = ("tests/components/encoders/test_two_towers.py",)
ON_PAIRS = ("tests/components/objectives/test_on_pairs.py", "-k", "contrast or brings")
TWO = (
    "tests/components/objectives/test_every_objective.py",
    "-m",
    "slow",
    "-k",
    "two_processes and (clip or siglip)",
)
PROTOCOLS = ("tests/pipelines/stages/evaluate/test_pairs.py",)
SIMPLE = ("tests/components/evaluation/classification/test_simple_models.py", "-k", "caption")

MUTATIONS = [
    # bytes and what is refused
    Mutation("pair.container", 'struct.Struct(">I")', 'struct.Struct("<I")'),
    Mutation("pair.container.join", "caption = decode(caption).text.encode()", "caption = bytes(caption)"),
    Mutation("pair.container.sides", "len(data) < BEGIN + size", "False"),
    Mutation("check_pairs", 'f"image {image}"', "image"),
    Mutation("check_pairs", "not found.caption.strip()", "not found.caption"),
    Mutation("check_pairs", "not found.image", "False"),
    # folders and tables
    Mutation("pair.read._paired", "if stem not in named", "if False"),
    Mutation("pair.read._paired", "captions.get(_stem(path)", "captions.get(path"),
    Mutation("PairReader.named", "(beside, PurePosixPath(path).as_posix())", "(beside,)"),
    Mutation("PairReader.names_files", '"image" in columns', "False", READ),
    Mutation("PairReader._pair", "self.limits.image.max_bytes + 1", "self.limits.image.max_bytes"),
    Mutation("PairReader.whole", "bool(image and caption)", "True", KINDS),
    Mutation("Inbox.beginning", "self.refuse(path) is not None", "False", READ),
    Mutation("Inbox._join", "if path not in claimed", "if True", READ),
    Mutation("Inbox._join", "if self._is_young(path)", "if False", READ),
    Mutation("_known_by", "{found.st_size} {found.st_mtime_ns}", "{found.st_dev}", INGEST),
    Mutation("path_column", "and not reader.names_files(file.name, columns)", "", INGEST),
    # packing and serving
    Mutation("pack_pairs", "total - len(unreadable)", "total", PACK),
    Mutation("pair.pack._images", 'out.append(b"")', "out.append(sides(sample).image)", PACK),
    Mutation("pair.pack._texts", "if number not in unreadable", "if True", PACK),
    Mutation("PackedPairs.gather", "out[:, pixels : pixels + texts.shape[1]] = texts", "pass", PACK),
    Mutation("PairPacking.reads", "self.image.reads(other.image) and", "", PACK),
    Mutation("sides_of", "or caption != caption", ""),
    # views
    Mutation("seen_pair", "view[:, -length:]", "view[:, packing.pixels :]", VIEWS),
    Mutation("PairViews.clean", "/= 255", "/= 256", VIEWS),
    Mutation("PairViews.policy", "text=text.weak),\n        )", "text=text.strong),\n        )", VIEWS),
    # towers
    Mutation(
        "TwoTowers.forward",
        "self.image(seen_pair(view, self.pair).image)",
        "self.text(seen_pair(view, self.pair).text)",
        TOWERS,
    ),
    Mutation("TwoTowers.lock", "freeze(self.image)", "freeze(self.text)"),
    Mutation("TwoTowers.starting", "*self.text.starting(config.text)", ""),
    Mutation("TwoTowersConfig._locked_with_weights", 'self.lock == "image"', "False"),
    Mutation("OneSide.side", "seen.text if", "seen.image if"),
    # objectives
    Mutation("clip.contrast", "(of_images + of_texts) / 2", "of_images"),
    Mutation("clip.contrast", "gather(here).unbind(1)", "here.unbind(1)", TWO),
    Mutation("clip.contrast", "+ rank() * len(here)", "", TWO),
    Mutation("Clip.after_step", "max=math.log(LARGEST)", "max=LARGEST"),
    Mutation("Clip.forward", "self.log_scale.exp())", "self.log_scale.detach().exp())"),
    Mutation("siglip.pairwise", "2 * true - 1", "true"),
    Mutation("siglip.pairwise", "sum(dim=1).mean()", "mean()"),
    Mutation("siglip.pairwise", "gather(unit(text))", "unit(text)", TWO),
    Mutation("Siglip.forward", "self.log_scale.exp(), self.bias", "self.log_scale.exp(), 0 * self.bias"),
    # figures
    Mutation("representation.pairs.ranks", "cosine >= own", "cosine > own"),
    Mutation("representation.pairs.recalls", "rank < k", "rank <= k"),
    Mutation(
        "representation.pairs.zero_shot", "unit(unit(prompts).mean(axis=1))", "unit(prompts.mean(axis=1))"
    ),
    Mutation("fit_between", "(u**2) @ shrunk + 1 / len(x)", "(u**2) @ shrunk"),
    Mutation("fit_between", "error < best[0]", "error > best[0]"),
    Mutation("by_ridge", "fit_between(own[1], own[0])", "fit_between(asked[1], asked[0])", PROTOCOLS),
    Mutation("pair_retrieval", "_sides(towers, subject, own)[2]", "features", PROTOCOLS),
    Mutation("prompted", "for prompt in packing.prompts]", "for prompt in packing.prompts[:1]]", PROTOCOLS),
    Mutation("simple_models.caption", "shown.packed.rows[shown.positions]", "shown.packed.rows[:1]", SIMPLE),
]
