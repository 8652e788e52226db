"""A socket for a server of ours."""

import socket

from components.errors import UserError


def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound to an address of this machine, of IPv4 or IPv6, and does not listen yet. port: 0 for any
    that is free.

    Raises:
        UserError: the address is taken, or none of this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named asyncio sets TCP_NODELAY; without it each answer waits 40 ms for an acknowledgement.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        raise UserError(
            "cannot-listen",
            f"cannot listen at {host} port {port}: {getattr(error, 'strerror', None) or error}; give another --port, "
            "or 0 for a free one, or another --host",
        ) from None
    return made
