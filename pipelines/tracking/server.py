"""MLflow's server for one machine: python -m pipelines.tracking.server. Only its own page may call it.

MLflow accepts any origin of the form http://localhost:PORT, whatever `--cors-allowed-origins` lists, so that a page
of any other program on this machine could change the registry. A request with a foreign Origin is refused here.
"""

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from pipelines.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
REFUSED = b"requests from another origin are refused"


class OwnOrigin:
    """ASGI middleware: answers 403 where the header Origin is present and not one of `origins`."""

    def __init__(self, app: App, origins: frozenset[str]) -> None:
        self.app, self.origins = app, origins

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        given = [value.decode("latin-1") for name, value in scope.get("headers", []) if name == b"origin"]
        if scope["type"] not in ("http", "websocket") or self.origins.issuperset(given):
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            headers = [(b"content-type", b"text/plain")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": REFUSED})


def environ(settings: Settings) -> dict[str, str]:
    """The variables by which MLflow's server finds its stores (those that `mlflow server` sets)."""
    from mlflow import server

    hosts = ",".join(f"{host}:{settings.mlflow_port}" for host in ("127.0.0.1", "localhost"))
    return {
        server.BACKEND_STORE_URI_ENV_VAR: settings.mlflow,
        server.REGISTRY_STORE_URI_ENV_VAR: settings.mlflow,
        server.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
        server.ARTIFACTS_DESTINATION_ENV_VAR: str(settings.mlflow_artifacts),
        server.SERVE_ARTIFACTS_ENV_VAR: "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # eight processes and 1.4 GB that nothing here uses
        "MLFLOW_SERVER_ALLOWED_HOSTS": hosts,
    }


def main() -> None:
    settings = Settings.load()
    os.environ.update(environ(settings))
    import uvicorn
    from mlflow.server.fastapi_app import app

    origins = frozenset(f"http://{host}:{settings.mlflow_port}" for host in ("127.0.0.1", "localhost"))
    uvicorn.run(OwnOrigin(app, origins), host="127.0.0.1", port=settings.mlflow_port, log_level="warning")


if __name__ == "__main__":
    main()
