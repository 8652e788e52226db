"""docs/messages.md and the codes on it: every site has one, it is on the page, and the page is current."""

import ast
import re
from pathlib import Path

import pytest

from components.errors import UserError
from pipelines.engine.code_digest import ROOT
from pipelines.onboarding import messages, reference
from pipelines.onboarding.message_text import Scope, module, texts
from pipelines.onboarding.messages import entries, explain, sites

KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
PASSED_ON = {
    "pipelines.flows.airflow_home",  # raises what the journal has from another process, with its code
    "pipelines.stages.snapshot.stage",  # says which deliveries another error is of
}


@pytest.fixture(scope="module")
def page():
    return messages.page()


def test_the_page_is_current(page):
    assert page == messages.PAGE.read_text(encoding="utf-8"), f"write it anew: {messages.COMMAND}"


def test_every_error_and_warning_has_a_literal_code_in_kebab_case():
    found = [told for told in sites() if told.section in ("Errors", "Warnings")]
    assert len(found) > 350
    for told in found:
        assert told.code is not None or told.module in PASSED_ON, f"{told.module}:{told.line}"
        assert told.code is None or KEBAB.fullmatch(told.code), f"{told.module}:{told.line}: {told.code}"


def test_every_call_that_makes_an_error_is_a_site():
    """Counted in the text, so that a site that the page's reader does not see is found, and a new kind of error."""
    raised = re.compile(rf"\b(?:{'|'.join(messages.ERRORS)})\(")
    seen = {(told.module, told.line) for told in sites()}
    for folder in messages.FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                if derived := re.match(rf"\s*class (\w+)\(({'|'.join(messages.ERRORS)})\b", line):
                    assert derived[1] in messages.ERRORS
                elif (
                    raised.search(line)
                    and not re.search(r">>>|\(error\.code, ", line)
                    and not re.match(r"\s*class ", line)
                ):
                    assert (name, number) in seen, f"{file}:{number}: {line.strip()}"


def test_a_code_belongs_to_one_section_and_each_of_its_modules_is_on_the_page(page):
    sections, modules = {}, {}
    for told in sites():
        if told.code is not None:
            sections.setdefault(told.code, set()).add(told.section)
            modules.setdefault(told.code, set()).add(told.module)
    assert {code: of for code, of in sections.items() if len(of) > 1} == {}
    parts = {part.partition("\n")[0]: part for part in re.split(r"\n##+ ", page)}
    for code, names in modules.items():
        for name in names:
            assert re.search(rf"[(,] ?{re.escape(name)}[,)]", parts[code]), f"{name} is not below {code}"


def test_every_link_has_one_heading_and_no_code_is_a_key_of_a_recipe(page):
    headings = re.findall(r"^##+ (.+)$", page, flags=re.MULTILINE)
    anchors = [messages.anchor(heading) for heading in headings]
    assert len(set(anchors)) == len(anchors)
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) == set(map(messages.anchor, entries()))
    assert not set(reference.Node("", "").children()) & set(entries())


@pytest.mark.parametrize(
    ("section", "codes"),
    [
        ("Errors", "no-such-recipe, unknown-key, labels-too-few, store-locked, representation-collapsed"),
        (
            "Quarantine",
            "empty, not an image, too many pixels, truncated, not a sound, wrong rate, not text, too many channels, "
            "not a row, duplicate, unreadable table",
        ),
        (
            "Gate checks",
            "baselines, champion, forgetting, classes, class_drops, chance, rank, uniformity, prototypes, churn, "
            "loads, latency, size, coverage, ranking, false alarms, alarms, method, calibration, baselines_interval",
        ),
        ("Decisions of plan", "skip, labels, warm, scratch"),
        ("Verdicts on a method", "better, equal, worse, undecided"),
        ("Warnings", "confirmation-bias, domain-mismatch, model-at-chance, samples-quarantined"),
    ],
)
def test_what_there_is_of_each_section(section, codes):
    assert {code for code in codes.split(", ") if entries().get(code, ("",))[0] != section} == set()


def test_a_message_is_shown_with_its_placeholders():
    assert entries()["port-taken"] == (
        "Errors",
        [
            "port {port} is taken by another program; end that first, or set SELFSUP_AIRFLOW_PORT, "
            "SELFSUP_MLFLOW_PORT or SELFSUP_METRICS_PORT to another one (pipelines.operations.up)"
        ],
    )
    said = explain("unknown-key").splitlines()
    assert said[0] == "unknown-key"
    assert said[2:] == ["  unknown key {key}; {hint} (pipelines.onboarding.reference)"]


def test_a_key_is_left_to_the_reference_and_a_code_that_nobody_has_is_refused():
    assert explain("plan") is explain("pretrain.objective") is explain("seed") is None
    with pytest.raises(UserError, match=r"^unknown code 'labels-to-few'; did you mean 'labels-too-few'\?$"):
        explain("labels-to-few")


CODE = """
from components.words import LONGEST, refused
NAMED = {"a": "an apple"}
def fails(rows, name, folder):
    text = f"first {name}"
    raise ValueError(text)
    text = f"{len(rows)} rows needed below {LONGEST}, got {', '.join(sorted(name))} in {folder / name}"
    raise ValueError(text)
    raise ValueError(refused(name))
    raise ValueError("one " + ("two" if rows else f"no {rows.count:,}"))
    raise ValueError(NAMED["a"])
    raise ValueError("few" if rows else "many")
    raise ValueError(name.upper())
"""
WORDS = """
LONGEST = 5.0
def refused(what):
    return f"refused: {what!r}, {HINT}"
HINT = "go away"
"""


def test_a_text_is_followed_through_variables_functions_and_modules(tmp_path: Path):
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "words.py").write_text(WORDS)
    (tmp_path / "components" / "made.py").write_text(CODE)
    of = module("components.made", tmp_path)
    function = of.functions["fails"]
    raised = [node.exc.args[0] for node in function.body if isinstance(node, ast.Raise)]
    assert [texts(node, Scope(of, function)) for node in raised] == [
        ["first {name}"],
        ["{rows} rows needed below 5, got {name} in {folder/name}"],
        ["refused: {what}, go away"],
        ["one two"],
        ["an apple"],
        ["few", "many"],
        ["{name}"],
    ]
