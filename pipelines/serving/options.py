"""What `selfsup serve` is told: address, limits, batching, shadow, canary, store."""

from ipaddress import ip_address
from pathlib import Path
from typing import Self

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError, model_validator

from components.config import Config, explain
from components.errors import UserError

LEAST_TOKEN = 16  # characters


class Limits(Config):
    """What a request may cost."""

    body: PositiveInt = 16 << 20
    """Bytes of a request's body; above: 413."""

    rows: PositiveInt = 1024
    """Samples of a request; above: 413."""

    seconds: PositiveFloat = 30.0
    """Seconds in which a body has to arrive (408) and then to be answered (504)."""

    queue: PositiveInt = 256
    """Requests that wait for a model; above: 503 with Retry-After."""

    queued_bytes: PositiveInt = 256 << 20
    """Bytes of all bodies that are held at the same time; above: 503 with Retry-After."""


class CanaryRule(Config):
    """Which requests another version answers, and when they go back to the champion."""

    alias: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    """Alias of the version in the registry."""

    share: float = Field(gt=0, lt=1)
    """Share of requests, drawn by chance."""

    least: PositiveInt = 50
    """Answers of the version before it is judged."""

    window: PositiveInt = 500
    """Latest answers of each version that are compared."""

    errors: NonNegativeFloat = 0.02
    """Its error rate may exceed the champion's by this much."""

    slower: float = Field(default=2.0, ge=1)
    """Its 95th percentile of latency may be this many times the champion's."""


class Options(Config):
    """Of one server."""

    host: str = "127.0.0.1"
    """Address to listen at; one that is not loopback needs a token."""

    port: int = Field(default=8000, ge=0, le=65535)
    """Port; 0: a free one."""

    token: str | None = Field(default=None, min_length=LEAST_TOKEN)
    """What requests have to bring as `Authorization: Bearer TOKEN`; null: nothing."""

    shadow: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    """Alias of a version that predicts every request too; compared, never returned."""

    canary: CanaryRule | None = None
    """Null: the champion answers all requests."""

    store: PositiveInt | None = None
    """Bytes of served samples that may lie in the inbox; null: none are stored."""

    processes: PositiveInt = 1
    """Processes of a model, of one thread each."""

    batch: PositiveInt = 32
    """Most requests that a process predicts together; it takes half of those that wait, and waits for none."""

    poll: PositiveFloat = 2.0
    """Seconds between looks at the registry."""

    limits: Limits = Limits()
    """What a request may cost."""

    @model_validator(mode="after")
    def _token_beyond_loopback(self) -> Self:
        if self.token is None and not is_loopback(self.host):
            raise ValueError(
                f"a token is required where other machines reach the server (host {self.host}): add --token TOKEN, or "
                "leave out --host"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def canary_of(text: str) -> dict[str, object]:
    """A canary as the command line writes it.

    >>> canary_of("challenger=0.1")
    {'alias': 'challenger', 'share': '0.1'}
    """
    alias, sign, share = text.partition("=")
    if not sign:
        raise UserError(
            "invalid-option", f"--canary must be ALIAS=SHARE, such as challenger=0.1 (got {text!r:.80})"
        )
    return {"alias": alias, "share": share}


def checked(given: dict[str, object]) -> Options:
    """Options from the command line.

    Raises:
        UserError: a value is impossible; each is named.
    """
    try:
        return Options.model_validate(given)
    except ValidationError as error:
        raise UserError("invalid-option", explain(error, "selfsup serve")) from None


def token_of(given: str | None) -> str | None:
    """A token as the command line has it: itself, or @FILE.

    Raises:
        UserError: the file cannot be read.
    """
    if given is None or not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            "invalid-option", f"--token {given}: the file cannot be read: {error!s:.200}"
        ) from None
