"""How a person loads a registered model in Python, as lines to copy. Imports no MLflow."""

from urllib.parse import urlsplit

from pipelines.settings import Settings


def python_lines(name: str, version: str, settings: Settings) -> list[str]:
    """Two lines that give `model`, whose `predict` takes raw samples, in any process of this environment.

    Args:
        version: its number, or an alias such as champion.
    """
    place = f"{name}/{version}" if version.isdigit() else f"{name}@{version}"
    if urlsplit(settings.mlflow).password is None:
        where = f"import mlflow; mlflow.set_tracking_uri({settings.mlflow!r})"
    else:
        where = "import mlflow, os; mlflow.set_tracking_uri(os.environ['SELFSUP_MLFLOW'])"
    return [where, f"model = mlflow.pyfunc.load_model({f'models:/{place}'!r})"]
