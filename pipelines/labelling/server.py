"""`selfsup label`: one server process for one annotator, until Ctrl-C."""

import getpass
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

import psutil
import uvicorn

from components.errors import UserError
from components.listening import bound
from pipelines import recipe_folders
from pipelines.labelling.application import application
from pipelines.labelling.guard import Access, Guard
from pipelines.labelling.sitting import Sitting
from pipelines.settings import Settings

LOOPBACK = "127.0.0.1"
EVERY = ("0.0.0.0", "::")


def serve(
    recipe: Path | str,
    settings: Settings,
    say: Callable[[str], None],
    *,
    annotator: str | None,
    host: str,
    port: int,
    overlap: float,
) -> None:
    """Serve the page of a recipe until SIGINT or SIGTERM.

    Args:
        annotator: name; None: the login name. host: address to listen on. port: 0: any that is free.
        overlap: share of the samples about which every annotator is asked.

    Raises:
        UserError: the recipe cannot be labelled here, or the address cannot be listened on.
    """
    if not 0 <= overlap <= 1:
        raise UserError("invalid-option", f"--overlap needs a share from 0 to 1, got {overlap:g}")
    found = recipe_folders.find(recipe, settings)
    recipe_folders.refuse_namesakes(found, settings)
    listening = bound(host, port)
    try:
        sitting = Sitting(found, settings, annotator or _login(), overlap)
    except BaseException:
        listening.close()
        raise
    listening.listen()  # before the address is printed
    own = int(listening.getsockname()[1])
    access = Access(secrets.token_urlsafe(32), hosts_of(host, own), f"selfsup-label-{own}")
    say(f"labelling {found.name} as {sitting.annotator}: http://{_shown(host)}:{own}/?token={access.token}")
    say("Whoever has this address can label. Each answer is on the disk at once; Ctrl-C ends the page.")
    config = uvicorn.Config(
        Guard(application(sitting), access),
        access_log=False,  # the first address holds the token
        log_level="warning",
        server_header=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=5,
    )
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        sitting.close()
        listening.close()


def hosts_of(host: str, port: int) -> frozenset[str]:
    """Values of the header `Host` by which a server that listens on `host` is meant."""
    names = {host.lower()}
    if host in EVERY:
        names = {socket.gethostname().lower(), socket.getfqdn().lower()}
        addresses = [one.address for card in psutil.net_if_addrs().values() for one in card]
        names |= {address.partition("%")[0] for address in addresses if "." in address or "::" in address}
    if host in (LOOPBACK, "::1", *EVERY):
        names |= {LOOPBACK, "localhost", "::1"}
    return frozenset(f"{f'[{name}]' if ':' in name else name}:{port}" for name in names)


def _shown(host: str) -> str:
    """The host of the address that is printed."""
    if host in EVERY:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        raise UserError(
            "invalid-option",
            "this user has no login name, by which labels could be signed; give --annotator NAME",
        ) from None
