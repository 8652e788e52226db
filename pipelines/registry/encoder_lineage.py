"""Which encoder made a run's features: vectors of two encoders share no axis, so nothing may mix them."""

from collections.abc import Iterable
from pathlib import Path

from components.errors import UserError
from pipelines.engine.store import read_manifest

MADE_FROM = {"embed": "pretrain", "pseudo_label": "embed", "finetune": "pretrain"}


def encoder_digest(reference: str, store: Path) -> str:
    """Sha256 of the weights of the pretrained encoder behind a run: of pretrain, or of what was made with it.

    Raises:
        UserError: the run, or one that it was made from, is not in the store; or it has no encoder.
    """
    manifest = read_manifest(reference, store)
    while manifest.stage in MADE_FROM:
        manifest = read_manifest(str(manifest.request[MADE_FROM[manifest.stage]]), store)
    encoder = manifest.output.get("encoder")
    if not isinstance(encoder, dict):
        raise UserError(
            "run-without-encoder",
            f"{reference} was made with no encoder; name a run of pretrain, embed or pseudo_label",
        )
    return str(encoder["sha256"])


def one_encoder(references: Iterable[str], store: Path) -> str:
    """The digest of the encoder that all these runs share: ask before their features are compared.

    Raises:
        UserError: they were made with different encoders; each is named with its own.
    """
    found = {reference: encoder_digest(reference, store) for reference in references}
    if len(set(found.values())) != 1:
        told = ", ".join(f"{reference} by {digest[:12]}" for reference, digest in found.items())
        raise UserError(
            "encoders-differ",
            f"features of one encoder are needed, got {told}; embed all of them with one of these",
        )
    return next(iter(found.values()))
