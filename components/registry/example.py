"""The example of a request that a registered model was saved with, as the body of a request in MLflow's protocol."""

import tempfile
from pathlib import Path

from components.registry.champion import Champion
from components.registry.mlflow_registry import Registry

EXAMPLE = "serving_input_example.json"  # MLflow's name for it


def example_request(registry: Registry, found: Champion) -> bytes | None:
    """JSON, None where the version has none. It is nothing to rely on: no digest covers it."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    source = str(registry.client.get_model_version(found.name, found.version).source).rstrip("/")
    with tempfile.TemporaryDirectory() as folder:
        try:
            place = download_artifacts(
                artifact_uri=f"{source}/{EXAMPLE}", dst_path=folder, tracking_uri=registry.client.tracking_uri
            )
        except (OSError, MlflowException):
            return None
        return Path(place).read_bytes()
