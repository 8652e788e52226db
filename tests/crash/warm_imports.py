"""What the server of warm.py imports, in its own process only."""

import importlib
import os
import warnings

from components.cores import ONE_THREAD
from components.registry.mlflow_registry import ENVIRONMENT
from pipelines.engine.code_digest import stage_module
from pipelines.graph import GRAPH
from tests.crash.warm import HEAVY

os.environ.update(ONE_THREAD | ENVIRONMENT)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for _name in (*HEAVY, *(stage_module(stage) for stage in GRAPH)):
        importlib.import_module(_name)
