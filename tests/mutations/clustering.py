"""Deliberate errors in the objectives that cluster, and in k-means over shards."""

from tests.mutations.base import Mutation

OBJECTIVES = "components/objectives"
CLUSTERS = ("tests/components/objectives/parts/test_clusters.py", "-m", "not slow")
DEEPCLUSTERV2 = ("tests/components/objectives/test_deepclusterv2.py",)
SELA = ("tests/components/objectives/test_sela.py",)
SCAN = ("tests/components/objectives/test_scan.py",)
NEIGHBOURS = ("tests/components/objectives/parts/test_neighbours.py",)
CHUNKS = ("tests/components/clustering/test_chunks.py",)
INDUCTION = ("tests/components/clustering/test_out_of_sample.py",)
KMEANS = ("tests/components/clustering/test_distributed.py", "-m", "not slow")

MUTATIONS = [
    # cross-entropy of several heads
    Mutation(
        "components/objectives/parts/clusters.py",
        "at_least_float32(scores) / temperature",
        "at_least_float32(scores) * temperature",
        CLUSTERS,
    ),
    Mutation("components/objectives/parts/clusters.py", "known.clamp(min=1)", "clusters.numel()", CLUSTERS),
    Mutation("components/objectives/parts/clusters.py", "(sizes**2).sum()", "sizes.sum()", CLUSTERS),
    # DeepCluster-v2
    Mutation(
        "components/objectives/deepclusterv2.py",
        "self.bank[head % 2].float()",
        "self.bank[0].float()",
        DEEPCLUSTERV2,
    ),
    Mutation(
        "components/objectives/deepclusterv2.py",
        "both.transpose(0, 1).to",
        "both.transpose(0, 1).flip(0).to",
        DEEPCLUSTERV2,
    ),
    Mutation(
        "components/objectives/deepclusterv2.py",
        ".repeat(1, len(batch.views))",
        ".repeat_interleave(len(batch.views), 1)",
        DEEPCLUSTERV2,
    ),
    Mutation(
        "components/objectives/deepclusterv2.py",
        "embeddings = F.normalize(at_least_float32(embeddings), dim=1)",
        "embeddings = at_least_float32(embeddings)",
        DEEPCLUSTERV2,
    ),
    Mutation(
        "components/objectives/deepclusterv2.py",
        "self.config.seed, epoch, head",
        "self.config.seed",
        DEEPCLUSTERV2,
    ),
    # SeLa
    Mutation("components/objectives/sela.py", "epsilon=1 / sharpness", "epsilon=sharpness", SELA),
    Mutation(
        "components/objectives/sela.py",
        "return sinkhorn(log_p, epsilon=1 / sharpness, iterations=iterations)",
        "return log_p",
        SELA,
    ),
    Mutation(
        "components/objectives/sela.py",
        "reshape(len(scores), self.config.heads, self.config.clusters)",
        "reshape(len(scores), self.config.clusters, self.config.heads).mT",
        SELA,
    ),
    Mutation("components/objectives/sela.py", "self.body.eval()", "self.body.train()", SELA),
    Mutation("components/objectives/sela.py", "self.body.train(training)", "pass", SELA),
    Mutation("components/objectives/sela.py", "self.top(self.body(features))", "self.top(features)", SELA),
    # SCAN
    Mutation("components/objectives/scan.py", "agreement - self.config", "agreement + self.config", SCAN),
    Mutation(
        "components/objectives/parts/neighbours.py",
        "    return -both.logsumexp(dim=1).mean()",
        "    return -both.mean()",
        NEIGHBOURS,
    ),
    Mutation("components/objectives/scan.py", "confidence >= self.config", "confidence < self.config", SCAN),
    Mutation(
        "components/objectives/parts/neighbours.py",
        "scores.softmax(dim=1).mean(dim=0)",
        "scores.softmax(dim=0).mean(dim=0)",
        NEIGHBOURS,
    ),
    Mutation("components/objectives/scan.py", "here / counts.clamp(min=1) /", "here / counts.sum() *", SCAN),
    Mutation(
        "components/objectives/scan.py",
        "with torch.no_grad():  # by itself",
        "with torch.enable_grad():  # by itself",
        SCAN,
    ),
    Mutation(
        "components/objectives/scan.py",
        "self.phase.copy_((self.progress >= ends)",
        "self.phase.copy_((self.progress > ends)",
        SCAN,
    ),
    Mutation("components/objectives/scan.py", ', "phase")', ")", SCAN),
    Mutation(
        "components/objectives/parts/neighbours.py",
        "unit = F.normalize(features, dim=1)",
        "unit = features",
        NEIGHBOURS,
    ),
    Mutation(
        "components/objectives/parts/neighbours.py",
        "cosines[torch.arange(len(index)), index] = -torch.inf",
        "pass",
        NEIGHBOURS,
    ),
    # k-means over shards
    Mutation(
        "components/clustering/chunks.py",
        "np.rint(np.ldexp(sums, -exponent))",
        "np.ldexp(sums, -exponent)",
        CHUNKS,
    ),
    Mutation(
        "components/clustering/chunks.py",
        "centroids[large] * (1 + apart), centroids[large] * (1 - apart)",
        "centroids[large], centroids[large]",
        CHUNKS,
    ),
    Mutation(
        "components/clustering/run.py",
        "not keep and not filled.all()",
        "False and not filled.all()",
        KMEANS,
    ),
    Mutation("components/clustering/run.py", "self.sums if keep else", "self.sums if False else", KMEANS),
    Mutation("components/clustering/run.py", "        if self.spherical:\n", "        if False:\n", KMEANS),
    Mutation(
        "components/clustering/run.py",
        "        if self.file is not None:\n            self._save",
        "        if False:\n            self._save",
        KMEANS,
    ),
    Mutation("components/clustering/out_of_sample.py", "weights /= ", "weights *= ", INDUCTION),
    Mutation("components/clustering/out_of_sample.py", "unit(chunk)", "chunk", INDUCTION),
    Mutation("components/clustering/out_of_sample.py", "weighed(cosines, spread), 0)", "1.0, 0)", INDUCTION),
    Mutation("components/clustering/chunks.py", "        total += ", "        total = ", CHUNKS),
    Mutation(
        "components/clustering/draws.py",
        "np.arange(done * batch, (done + 1) * batch)",
        "np.arange(done, done + batch)",
        KMEANS,
    ),
    Mutation(
        "components/clustering/workers.py",
        "np.where(counts[own] == 1, 0.0, squared",
        "np.where(counts[own] == 1, -0.0, -squared",
        KMEANS,
    ),
]
