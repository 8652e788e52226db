"""Deliberate errors in what a model holds for ordinary, in the scores, and in where samples come from."""

from tests.mutations.base import Mutation

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
INGEST = ("tests/pipelines/stages/test_ingest.py", "-k", "source or recipe_names")
LOSS = ("tests/components/semisupervised/parts/test_loss.py", "-k", "margin")

MUTATIONS = [
    Mutation(
        "fit_ordinary",
        "limit(distances(x[~learn], means, whiten), rate)",
        "limit(distances(x[learn], means, whiten), rate)",
    ),
    Mutation(
        "fit_ordinary",
        "fit_mahalanobis(x[learn], group[learn])",
        "fit_mahalanobis(x[learn], 0 * group[learn])",
    ),
    Mutation("fit_ordinary", "len(x) < FEW", "len(x) < 2"),
    Mutation(
        "partitions.outlier_columns",
        'found["outliers"] > known.limit',
        'found["outliers"] < known.limit',
        SCORE,
    ),
    Mutation("classification.Reading.columns", " & self.abstain_outliers", "", SCORE),
    Mutation("split_domains", "x[domains != 0]", "x", DOMAINS),
    Mutation("split_domains", ">= (batch.labelled or 0)", "> (batch.labelled or 0)", DOMAINS),
    Mutation("domains.between", "at_least_float32(x).sum()\n", "at_least_float32(x).sum() + 1\n", DOMAINS),
    Mutation("Dann.forward", "between(domain_loss, judged, batch)", "0 * judged.sum()", DOMAINS),
    Mutation("domains_of", ".bincount().argmax()", ".min()", ROWS),
    Mutation("LabelledSource.batch", "domains[index].to", "domains[: len(index)].to", ROWS),
    Mutation("Inbox._column", "else name.lower()", "else name", INBOX),
    Mutation("ShardWriter._flush", "if any(first[name])", "if not any(first[name])", INGEST),
    Mutation(
        "adopt_samples",
        "writer.add(id.hex(), data, name, source, group)",
        "writer.add(id.hex(), data, name)",
        INGEST,
    ),
    Mutation("make_table", "of.astype(np.int64) if", "0 * of.astype(np.int64) if", INGEST),
    Mutation("unlike", "near.scores(unlabelled) > bound", "near.scores(test) > bound"),
    Mutation("unlike", "others.scores(test), RATE", "others.scores(unlabelled), RATE"),
    Mutation("unlike", "replace(near, k=near.k + 1)", "near"),
    Mutation("unlike", "np.concatenate([labelled, test])", "labelled"),
    Mutation("unlike", "min(MOST, 1 + len(bank) // EACH)", "1"),
    Mutation("with_domain_mismatch", 'judged.word == "better"', 'judged.word != "better"'),
    Mutation("unadjusted", "bias - adjusted(", "bias + adjusted(", LOSS),
    Mutation("unadjusted", "torch.where(prior > 0,", "torch.where(prior >= 0,", LOSS),
]
