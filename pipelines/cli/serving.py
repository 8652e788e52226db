"""The command that serves the champion over HTTP."""

import argparse
from typing import Any


def add(commands: Any) -> None:
    """commands: what argparse's add_subparsers gives."""
    serve = commands.add_parser("serve", help="serve the champion over HTTP, and follow it when it moves")
    serve.add_argument("recipe", metavar="RECIPE", help="path of a recipe, or its name")
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen at; beyond loopback with --token only"
    )
    serve.add_argument("--port", default="8000", help="port (default 8000); 0: a free one")
    serve.add_argument(
        "--token",
        metavar="TOKEN",
        help="what requests must bring as a bearer token; @FILE reads it from a file",
    )
    serve.add_argument(
        "--shadow", metavar="ALIAS", help="a version that predicts too, compared and never returned"
    )
    serve.add_argument(
        "--canary",
        metavar="ALIAS=SHARE",
        help="a version that answers a share of requests, such as challenger=0.1",
    )
    serve.add_argument(
        "--canary-errors", metavar="RATE", help="error rate above the champion's (default 0.02)"
    )
    serve.add_argument(
        "--canary-slower", metavar="TIMES", help="p95 of latency, times the champion's (default 2)"
    )
    serve.add_argument(
        "--store", metavar="MB", type=float, help="keep served samples in the inbox, at most so many MB"
    )
    serve.add_argument("--processes", default="1", metavar="N", help="processes of a model (default 1)")
    serve.add_argument("--batch", default="32", metavar="N", help="requests predicted together (default 32)")
    serve.add_argument(
        "--poll", default="2", metavar="S", help="seconds between looks at the registry (default 2)"
    )
    serve.add_argument("--max-mb", type=float, default=16, metavar="MB", help="of a body (default 16)")
    serve.add_argument("--max-rows", default="1024", metavar="N", help="of a request (default 1024)")
    serve.add_argument("--timeout", default="30", metavar="S", help="of a request (default 30)")
    serve.set_defaults(do=_serve)


def _serve(arguments: argparse.Namespace) -> int:
    from functools import partial

    from pipelines.serving.options import checked
    from pipelines.serving.server import serve
    from pipelines.settings import Settings

    options = checked(_given(arguments))
    serve(arguments.recipe, options, Settings.load(), partial(print, flush=True))
    return 0


def _given(arguments: argparse.Namespace) -> dict[str, object]:
    """The options as `Options` takes them."""
    from pipelines.serving.options import canary_of, token_of

    a = arguments
    canary = None
    if a.canary is not None:
        bounds = {"errors": a.canary_errors, "slower": a.canary_slower}
        canary = {
            **canary_of(a.canary),
            **{name: value for name, value in bounds.items() if value is not None},
        }
    limits = {"body": int(a.max_mb * 1e6), "rows": a.max_rows, "seconds": a.timeout}
    return {
        "host": a.host, "port": a.port, "token": token_of(a.token), "shadow": a.shadow, "canary": canary,
        "store": None if a.store is None else int(a.store * 1e6), "processes": a.processes, "batch": a.batch,
        "poll": a.poll, "limits": limits,
    }  # fmt: skip
