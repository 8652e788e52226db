"""Deliberate errors in what a model holds for ordinary, in the scores, and in where samples come from."""

from tests.mutations.base import Mutation

ORDINARY = ("tests/components/registry/test_outlier_model.py",)
SCORE = (
    "tests/pipelines/stages/score/test_stage.py",
    "-m",
    "not slow",
    "-k",
    "plain_loop or unlike or cannot_tell",
)
DOMAINS = ("tests/components/semisupervised/test_adaptation.py", "-m", "not slow")
ROWS = ("tests/components/training/test_labelled_source.py", "-k", "domain")
INBOX = ("tests/components/data/test_inbox.py", "-k", "comes_from")
KIN = ("tests/pipelines/stages/evaluate/test_domain_mismatch.py",)
LOSS = ("tests/components/semisupervised/parts/test_loss.py", "-k", "margin")
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "source or recipe_names")

MUTATIONS = [
    Mutation(
        "components/registry/outlier_model.py",
        "limit(distances(x[~learn], means, whiten), rate)",
        "limit(distances(x[learn], means, whiten), rate)",
        ORDINARY,
    ),
    Mutation(
        "components/registry/outlier_model.py",
        "fit_mahalanobis(x[learn], group[learn])",
        "fit_mahalanobis(x[learn], 0 * group[learn])",
        ORDINARY,
    ),
    Mutation("components/registry/outlier_model.py", "len(x) < FEW", "len(x) < 2", ORDINARY),
    Mutation(
        "pipelines/stages/score/partitions.py",
        'found["outliers"] > known.limit',
        'found["outliers"] < known.limit',
        SCORE,
    ),
    Mutation("pipelines/stages/score/classification.py", " & self.abstain_outliers", "", SCORE),
    Mutation("components/semisupervised/parts/domains.py", "x[domains != 0]", "x", DOMAINS),
    Mutation(
        "components/semisupervised/parts/domains.py",
        ">= (batch.labelled or 0)",
        "> (batch.labelled or 0)",
        DOMAINS,
    ),
    Mutation(
        "components/semisupervised/parts/domains.py",
        "at_least_float32(x).sum()\n",
        "at_least_float32(x).sum() + 1\n",
        DOMAINS,
    ),
    Mutation(
        "components/semisupervised/dann.py",
        "between(domain_loss, judged, batch)",
        "0 * judged.sum()",
        DOMAINS,
    ),
    Mutation("components/training/labelled_source.py", ".bincount().argmax()", ".min()", ROWS),
    Mutation("components/training/labelled_source.py", "domains[index].to", "domains[: len(index)].to", ROWS),
    Mutation("components/data/inbox.py", "else name.lower()", "else name", INBOX),
    Mutation(
        "components/data/shards.py",
        "if any(first[name])",
        "if not any(first[name])",
        INGEST,
    ),
    Mutation(
        "components/data/orphans.py",
        "writer.add(id.hex(), data, name, source, group)",
        "writer.add(id.hex(), data, name)",
        INGEST,
    ),
    Mutation(
        "pipelines/stages/snapshot/stage.py", "of.astype(np.int64) if", "0 * of.astype(np.int64) if", INGEST
    ),
    Mutation(
        "pipelines/stages/evaluate/domain_mismatch.py",
        "near.scores(unlabelled) > bound",
        "near.scores(test) > bound",
        KIN,
    ),
    Mutation(
        "pipelines/stages/evaluate/domain_mismatch.py",
        "others.scores(test), RATE",
        "others.scores(unlabelled), RATE",
        KIN,
    ),
    Mutation("pipelines/stages/evaluate/domain_mismatch.py", "replace(near, k=near.k + 1)", "near", KIN),
    Mutation(
        "pipelines/stages/evaluate/domain_mismatch.py", "np.concatenate([labelled, test])", "labelled", KIN
    ),
    Mutation("pipelines/stages/evaluate/domain_mismatch.py", "min(MOST, 1 + len(bank) // EACH)", "1", KIN),
    Mutation(
        "pipelines/stages/evaluate/domain_mismatch.py",
        'judged.word == "better"',
        'judged.word != "better"',
        KIN,
    ),
    Mutation("components/semisupervised/parts/adjustment.py", "bias - adjusted(", "bias + adjusted(", LOSS),
    Mutation(
        "components/semisupervised/parts/adjustment.py",
        "torch.where(prior > 0,",
        "torch.where(prior >= 0,",
        LOSS,
    ),
]
