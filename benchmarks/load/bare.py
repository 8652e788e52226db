"""The smallest handler that does the same as `selfsup serve`: python -m benchmarks.load.bare FOLDER"""

import asyncio
import json
import socket
import sys
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI, Request, Response

from components.registry.predictor import Predictor
from components.registry.served import load_model


def app_of(folder: Path) -> FastAPI:
    """Decodes one image, predicts, and answers all columns. folder: of the model's files."""
    predictor, app = Predictor(load_model(folder)), FastAPI()

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        row = predictor.modality.row_of(await request.body(), predictor.packing)
        with torch.inference_mode():
            seen = predictor.model.see(predictor.views.clean(predictor.views.collate([row])))
        columns = predictor.model.columns({name: tensor.numpy() for name, tensor in seen.items()})
        told = {name: of[0] for name, of in columns.items()}
        return Response(json.dumps({"predictions": [told]}), media_type="application/json")

    return app


def main() -> None:
    torch.set_num_threads(1)
    # as uvicorn makes it of a host and a port, see pipelines/serving/server.py
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
        config = uvicorn.Config(app_of(Path(sys.argv[1])), log_level="warning", access_log=False)
        asyncio.run(uvicorn.Server(config).serve(sockets=[listening]))


if __name__ == "__main__":
    main()
