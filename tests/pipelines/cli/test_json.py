"""--json: every command takes it and prints one object, and nothing else, on stdout."""

import json

import pytest

from pipelines.cli import answer, main, recipes
from pipelines.cli.answer import Answer


def commands():
    return answer.leaves(main._parser())


def test_there_are_commands_and_every_one_takes_json():
    found = commands()
    assert {"run", "data checkout", "data card", "doctor", "history"} <= set(found)
    for name, parser in found.items():
        assert "--json" in parser.format_help(), name


def test_every_command_is_run_by_a_function_that_gives_an_answer():
    """A command that serves until it is stopped has no result and may give an exit code."""
    import typing

    for name, parser in commands().items():
        do = parser.get_default("do")
        assert typing.get_type_hints(do, localns={"Settings": object})["return"] in (Answer, int), name


def called(monkeypatch, capsys, do, *arguments):
    monkeypatch.setattr(recipes, "_explain", do)
    code = main.main(["explain", "x", *arguments])
    return code, *capsys.readouterr()


def test_the_object_alone_is_on_stdout_and_messages_on_stderr(monkeypatch, capsys):
    def do(arguments):
        print("at work")
        return Answer({"a": 1, "b": [None, True]}, ["for a person"], 1)

    assert called(monkeypatch, capsys, do) == (1, "at work\nfor a person\n", "")
    code, out, err = called(monkeypatch, capsys, do, "--json")
    assert (code, json.loads(out), err) == (1, {"a": 1, "b": [None, True]}, "at work\n")


def test_an_error_is_an_object_too_with_the_same_exit_code(capsys):
    assert main.main(["explain", "no-such-recipy", "--json"]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["error"]["code"] == "unknown-code"
    assert err.startswith("selfsup: error [unknown-code]: unknown code")
    assert json.loads(out)["error"]["message"] in err


def test_an_error_of_ours_has_no_code(monkeypatch, capsys):
    def fails(arguments):
        raise KeyError("x")

    code, out, _ = called(monkeypatch, capsys, fails, "--json")
    assert (code, json.loads(out)) == (1, {"error": {"code": "", "message": "'x'"}})


def test_a_command_without_a_result_gives_its_exit_code(monkeypatch, capsys):
    code, out, _ = called(monkeypatch, capsys, lambda arguments: 3, "--json")
    assert (code, json.loads(out)) == (3, {"exit_code": 3})


def test_a_run_as_json(project):
    code, out, err = project.selfsup("run", str(project.recipe()), "--json")
    found = json.loads(out)
    assert code == 0
    assert "first | done" in err
    assert [line["stage"] for line in found["stages"]] == ["first", "second"]
    assert {line["status"] for line in found["stages"]} == {"ran"}
    assert (found["recipe"], found["flow"], found["plan"], found["model"], found["report"]) == (
        "small",
        "train",
        None,
        None,
        None,
    )
    code, out, _ = project.selfsup("runs", "--json")
    assert code == 0
    assert json.loads(out)["runs"][0]["run"] == found["run"]
    assert json.loads(out)["runs"][0]["stages"][1]["reference"] == found["stages"][1]["reference"]
    code, out, _ = project.selfsup("show", found["stages"][1]["reference"], "--json")
    assert json.loads(out)["output"] == {"skipped": None, "total": 6}
    code, out, _ = project.selfsup("show", found["stages"][1]["reference"], "--graph")
    first, second = (line["reference"] for line in found["stages"])
    assert out.splitlines() == ["flowchart TD", f'  n0["{first}"]', f'  n1["{second}"]', "  n0 --> n1"]


@pytest.mark.parametrize("arguments", [["run", "nosuch.yaml"], ["check", "nosuch.yaml"], ["show", "first/0"]])
def test_a_users_mistake_as_json(project, arguments):
    code, out, err = project.selfsup(*arguments, "--json")
    assert code == 2
    assert json.loads(out)["error"]["code"] in ("no-such-recipe", "no-such-run")
    assert err.count("\n") == 1
