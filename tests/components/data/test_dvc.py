"""What DVC is started with."""

import os
import subprocess
import sys

import pytest

from components.data.dvc import user_name

NAMELESS = """
import os
from components.data.dvc import user_name
os.setuid(54321)
for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
    os.environ.pop(name, None)
print(user_name())
"""


def test_a_user_id_without_a_name_gets_one() -> None:
    if os.getuid() != 0:
        pytest.skip("changing the user id needs root")
    done = subprocess.run([sys.executable, "-c", NAMELESS], capture_output=True, text=True, check=True)
    assert done.stdout == "{'LOGNAME': 'uid54321'}\n"


def test_a_name_that_is_there_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ann")
    assert user_name() == {}
