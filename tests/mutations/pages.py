"""Deliberate errors in what the pages are made of."""

from tests.mutations.base import Mutation

MUTATIONS = [
    Mutation("contents.with_contents", "if len(titles) < 3:", "if len(titles) < 2:"),
    Mutation("contents.with_contents", 'href="#part-{n}"', 'href="#part-{n + 1}"'),
    Mutation("embedding_map.embedding_map", 'f"{SIDE - y:.1f}"', 'f"{y:.1f}"'),
    Mutation("embedding_map.embedding_map", "np.maximum(high - low, 1e-12)", "(high - low)"),
    Mutation("embedding_map.embedding_map", "autoescape=True", "autoescape=False"),
    Mutation("embedding_map._coloured", "if name else QUIET", "or QUIET"),
    Mutation("embedding_map._coloured", "if len(names) <= LEGEND else []", ""),
    Mutation("embedding_map._in_script", "return text.replace", "return text or text.replace"),
]
