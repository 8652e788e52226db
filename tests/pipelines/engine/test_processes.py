"""What a process of ours starts with."""

import os
import subprocess
import sys

import pytest

NAMELESS = """
import getpass, os
from pathlib import Path
from pipelines.engine.processes import child_environ
from pipelines.settings import Settings
os.setuid(54321)
for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
os.environ = child_environ(Settings(home=Path("/home")))
print(getpass.getuser())
"""


def test_a_user_id_without_a_name_has_one_in_our_processes() -> None:
    if os.getuid() != 0:
        pytest.skip("changing the user id needs root")
    done = subprocess.run([sys.executable, "-c", NAMELESS], capture_output=True, text=True, check=True)
    assert done.stdout == "uid54321\n"
