"""Whether a canary is worse than the champion: by its errors, and by the 95th percentile of its latency."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from pipelines.serving.options import CanaryRule


@dataclass
class Latest:
    """Of the latest answers of a version: whether it was an error, and seconds."""

    window: int
    errors: deque[bool] = field(default_factory=deque)
    seconds: deque[float] = field(default_factory=deque)

    def add(self, error: bool, seconds: float) -> None:
        self.errors.append(error)
        self.seconds.append(seconds)
        if len(self.errors) > self.window:
            self.errors.popleft()
            self.seconds.popleft()

    @property
    def rate(self) -> float:
        """Share of errors; 0 of nothing."""
        return sum(self.errors) / max(1, len(self.errors))

    @property
    def p95(self) -> float:
        """Seconds; 0 of nothing."""
        return float(np.quantile(self.seconds, 0.95)) if self.seconds else 0.0


class Judge:
    """Compares the answers of a canary with those of the champion in the same time."""

    def __init__(self, rule: CanaryRule) -> None:
        self.rule = rule
        self.canary, self.champion = Latest(rule.window), Latest(rule.window)

    def verdict(self) -> str | None:
        """Why requests go back to the champion; None: they do not, or it is too early to tell.

        The champion's rate and percentile have to rest on as many answers, `rule.least`.
        """
        if min(len(self.canary.errors), len(self.champion.errors)) < self.rule.least:
            return None
        rate, allowed = self.canary.rate, self.champion.rate + self.rule.errors
        if rate > allowed:
            return f"error rate {rate:.1%} of {len(self.canary.errors)} requests, allowed {allowed:.1%}"
        slow, bound = self.canary.p95, self.champion.p95 * self.rule.slower
        if slow > bound:
            return f"95th percentile of latency {slow * 1000:.1f} ms, allowed {bound * 1000:.1f} ms"
        return None
