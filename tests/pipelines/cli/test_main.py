import json
import subprocess
import sys
import time

import pytest

from components.modalities.registry import MODALITIES
from pipelines.cli import main, recipes


@pytest.mark.parametrize(("arguments", "shown"), [([], "explain"), (["explain"], "finetune.method")])
def test_help_answers_at_once_and_loads_nothing(arguments, shown):
    code = (
        f"import sys, runpy; sys.argv = ['selfsup', *{arguments}, '--help']\n"
        "try: runpy.run_module('pipelines.cli.main', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print([m for m in ('pydantic', 'yaml', 'torch', 'airflow', 'ray', 'mlflow') if m in sys.modules])"
    )
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=main.__file__.rsplit("/", 2)[0], capture_output=True, text=True
    )
    assert time.monotonic() - started < 2  # of a loaded machine; about 0.1 s of an idle one
    assert done.stdout.splitlines()[-1] == "[]"
    assert shown in done.stdout


def test_the_help_of_init_names_all_kinds_of_data(capsys):
    with pytest.raises(SystemExit):
        main.main(["init", "--help"])
    assert (
        " ".join(capsys.readouterr().out.split()).count(", ".join(MODALITIES)) == 2
    )  # --from and --modality


def test_a_key_is_explained_and_an_unknown_one_is_code_2(capsys):
    assert main.main(["explain", "plan.on_code_change"]) == 0
    assert capsys.readouterr().out.startswith("plan.on_code_change\n  keep, warm or scratch; default: ")
    assert main.main(["explain", "plan.on_code_chang"]) == 2
    said = "selfsup: error [unknown-key]: unknown key 'plan.on_code_chang'; did you mean 'plan.on_code_change'?\n"
    assert capsys.readouterr() == ("", said)


def test_a_code_is_explained(capsys):
    assert main.main(["explain", "port-taken"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "port-taken"
    assert said[1].startswith("  Errors: A mistake in a recipe")
    assert said[2].startswith(
        "  port {port} is taken by another program; end that first, or set SELFSUP_AIRFLOW"
    )


def test_an_error_of_ours_has_no_code_and_a_full_disk_has_one(capsys, monkeypatch):
    def fails(error):
        def run(arguments):
            raise error

        monkeypatch.setattr(recipes, "_explain", run)
        return main.main(["explain", "x"]), capsys.readouterr().err

    assert fails(KeyError("x")) == (1, "selfsup: error: 'x'\n")
    code, err = fails(OSError(28, "No space left"))
    assert (code, err[:27]) == (2, "selfsup: error [disk-full]:")


def test_what_is_done_can_be_looked_at(project):
    assert "no runs in" in project.selfsup("runs")[1]
    project.selfsup("run", str(project.recipe()))
    code, out, _ = project.selfsup("runs")
    assert code == 0
    assert "done  (2 ran, 0 found, 0 failed)" in out
    reference = out.split()[-1]
    code, out, _ = project.selfsup("show", reference)
    assert code == 0
    assert json.loads(out)["output"] == {"skipped": None, "total": 6}


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["run", "nosuch.yaml"], {}, "[no-such-recipe]: there is no recipe"),
        (["check", "nosuch.yaml"], {}, "[no-such-recipe]: there is no recipe"),
        (["show", "first/0"], {}, "[no-such-run]: no finished run 'first/0'"),
        (
            ["runs"],
            {"SELFSUP_HOEM": "x"},
            "[unknown-setting]: environment: unknown variable 'SELFSUP_HOEM'; did you mean 'SELFSUP_HOME'",
        ),
        (
            ["explain", "no-such-recipy"],
            {},
            "[unknown-code]: unknown code 'no-such-recipy'; did you mean 'no-such-recipe'",
        ),
    ],
)
def test_a_users_mistake_is_one_line_and_code_2(project, arguments, environ, message):
    code, _, err = project.selfsup(*arguments, **environ)
    assert code == 2
    assert err.startswith(f"selfsup: error {message}")
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(project):
    _, _, err = project.selfsup("run", "nosuch.yaml", SELFSUP_DEBUG="1")
    assert "Traceback" in err


def test_a_wrong_command_is_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        main.main(["rnu"])
    assert caught.value.code == 2
