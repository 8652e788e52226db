"""Deliberate errors in the objectives that cluster, and in k-means over shards."""

from tests.mutations.base import Mutation

CLUSTERS = ("tests/components/objectives/parts/test_clusters.py", "-m", "not slow")
KMEANS = ("tests/components/clustering/test_distributed.py", "-m", "not slow")

MUTATIONS = [
    # cross-entropy of several heads
    Mutation(
        "cluster_cross_entropy",
        "at_least_float32(scores) / temperature",
        "at_least_float32(scores) * temperature",
        CLUSTERS,
    ),
    Mutation("cluster_cross_entropy", "known.clamp(min=1)", "clusters.numel()", CLUSTERS),
    Mutation("clusters.imbalance", "(sizes**2).sum()", "sizes.sum()", CLUSTERS),
    # DeepCluster-v2
    Mutation("Deepclusterv2._cluster", "self.bank[head % 2].float()", "self.bank[0].float()"),
    Mutation("Deepclusterv2.after_step", "both.transpose(0, 1).to", "both.transpose(0, 1).flip(0).to"),
    Mutation(
        "Deepclusterv2.forward", ".repeat(1, len(batch.views))", ".repeat_interleave(len(batch.views), 1)"
    ),
    Mutation(
        "Deepclusterv2.forward",
        "embeddings = F.normalize(at_least_float32(embeddings), dim=1)",
        "embeddings = at_least_float32(embeddings)",
    ),
    Mutation("Deepclusterv2._cluster", "self.config.seed, epoch, head", "self.config.seed"),
    # SeLa
    Mutation("balanced_labels", "epsilon=1 / sharpness", "epsilon=sharpness"),
    Mutation(
        "balanced_labels",
        "return sinkhorn(log_p, epsilon=1 / sharpness, iterations=iterations)",
        "return log_p",
    ),
    Mutation(
        "Sela._scores",
        "reshape(len(scores), self.config.heads, self.config.clusters)",
        "reshape(len(scores), self.config.clusters, self.config.heads).mT",
    ),
    Mutation("Sela._label", "self.body.eval()", "self.body.train()"),
    Mutation("Sela._label", "self.body.train(training)", "pass"),
    Mutation("Sela._scores", "self.top(self.body(features))", "self.top(features)"),
    # SCAN
    Mutation("Scan._neighbours", "agreement - self.config", "agreement + self.config"),
    Mutation("neighbours.consistency", "    return -both.logsumexp(dim=1).mean()", "    return -both.mean()"),
    Mutation("Scan._self_labels", "confidence >= self.config", "confidence < self.config"),
    Mutation("neighbours.spread", "scores.softmax(dim=1).mean(dim=0)", "scores.softmax(dim=0).mean(dim=0)"),
    Mutation("self_label_loss", "here / counts.clamp(min=1) /", "here / counts.sum() *"),
    Mutation("Scan.forward", "with torch.no_grad():  # by itself", "with torch.enable_grad():  # by itself"),
    Mutation(
        "Scan.before_epoch",
        "self.phase.copy_((self.progress >= ends)",
        "self.phase.copy_((self.progress > ends)",
    ),
    Mutation("Scan", ', "phase")', ")"),
    Mutation("neighbours.nearest", "unit = F.normalize(features, dim=1)", "unit = features"),
    Mutation("neighbours.nearest", "cosines[torch.arange(len(index)), index] = -torch.inf", "pass"),
    # k-means over shards
    Mutation("on_grid", "np.rint(np.ldexp(sums, -exponent))", "np.ldexp(sums, -exponent)"),
    Mutation(
        "split_empty",
        "centroids[large] * (1 + apart), centroids[large] * (1 - apart)",
        "centroids[large], centroids[large]",
    ),
    Mutation("Run.move", "not keep and not filled.all()", "False and not filled.all()", KMEANS),
    Mutation("Run.move", "self.sums if keep else", "self.sums if False else", KMEANS),
    Mutation("Run.move", "        if self.spherical:\n", "        if False:\n", KMEANS),
    Mutation(
        "Run.move",
        "        if self.file is not None:\n            self._save",
        "        if False:\n            self._save",
        KMEANS,
    ),
    Mutation("induced", "weights /= ", "weights *= "),
    Mutation("induced", "unit(chunk)", "chunk"),
    Mutation("induced", "weighed(cosines, spread), 0)", "1.0, 0)"),
    Mutation("sums_of", "        total += ", "        total = "),
    Mutation(
        "mini_batch", "np.arange(done * batch, (done + 1) * batch)", "np.arange(done, done + batch)", KMEANS
    ),
    Mutation(
        "Worker.farthest",
        "np.where(counts[own] == 1, 0.0, squared",
        "np.where(counts[own] == 1, -0.0, -squared",
        KMEANS,
    ),
]
