"""The page in a real browser, by the keyboard alone."""

import pytest

from pipelines.labelling.answers import Said, read_answers
from tests.pipelines.labelling.bench import Page, serving

pytest.importorskip("websockets")
from tests.pipelines.labelling.browser import CHROMIUM, browser

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

SHOWN = "document.querySelector('#about').textContent"
SAVED = "document.querySelector('#saved').textContent"
ALERT = "document.querySelector('#alert').hidden ? '' : document.querySelector('#alert').textContent"


@pytest.fixture
def asked(bench):
    """Ids in the order in which they are asked: training samples, which have a prediction."""
    with bench.sitting() as sitting:
        training = [id for id in bench.ids if sitting.shown(id)["use"] == "training"]
    bench.report(training[:20])
    return training[:20]


def lines(bench, annotator="ana"):
    return read_answers(bench.inbox / f"labels-by-{annotator}.jsonl")


def test_a_sitting_by_the_keyboard(bench, asked, tmp_path):
    with serving(bench) as page, browser(tmp_path / "chromium") as seen:
        seen.open(page.address)
        seen.wait("document.querySelectorAll('#sample img').length === 1")
        assert seen.value("location.search") == ""  # the token is not kept in the address
        assert seen.value("document.cookie") == ""  # and no script can read it
        for key, text in [("Enter", "dark"), ("Enter", "grey")]:
            before = seen.value(SHOWN)
            seen.press(key)
            seen.wait(f"{SAVED} === 'Saved: {text}' && {SHOWN} !== {before!r}")
        assert [(one.id, one.label) for one in lines(bench)] == [(asked[0], "dark"), (asked[1], "grey")]
        before = seen.value(SHOWN)
        seen.press("1")  # the first class there is
        seen.wait(f"{SHOWN} !== {before!r}")
        seen.press("?")
        seen.wait(f"{SAVED} === 'Saved: cannot tell'")
        assert [(one.label, one.answer) for one in lines(bench)[2:]] == [("dark", "label"), ("", "unsure")]
        seen.press("u")
        seen.wait(f"{SAVED} === 'Taken back: 1 label'")
        seen.press("n", *"violet", "Enter")
        seen.wait(f"{SAVED} === 'Saved: violet'")
        before = seen.value(SHOWN)
        seen.press("s")
        seen.wait(f"{SHOWN} !== {before!r}")
        assert Said(lines(bench)).labels == {
            asked[0]: "dark", asked[1]: "grey", asked[2]: "dark", asked[3]: "violet"
        }  # fmt: skip
        assert "violet" in seen.value("document.querySelector('#classes').textContent")
        assert seen.complaints == []


def test_a_whole_cluster_by_the_keyboard(bench, asked, tmp_path):
    with serving(bench) as page, browser(tmp_path / "chromium") as seen:
        seen.open(page.address)
        seen.wait("document.querySelectorAll('#sample img').length === 1")
        seen.press("Enter")
        seen.wait(f"{SAVED} === 'Saved: dark'")
        seen.press("c")
        seen.wait("document.querySelectorAll('#sheet .thumbs img').length > 1")
        shown = seen.value("document.querySelectorAll('#sheet .thumbs img').length")
        seen.value("document.querySelector('#sheet [role=group] button').focus()")
        seen.press("Enter")
        seen.wait(f"{SAVED} === 'Saved: {shown} samples: dark'")
        seen.press("u")
        seen.wait(f"{SAVED} === 'Taken back: {shown} labels'")
        assert Said(lines(bench)).labels == {asked[0]: "dark"}
        assert seen.complaints == []


def test_an_answer_to_a_killed_server_is_sent_again_and_counts_once(bench, asked, tmp_path):
    page = Page(bench)
    with browser(tmp_path / "chromium") as seen:
        seen.open(page.address)
        seen.wait("document.querySelectorAll('#sample img').length === 1")
        page.kill()
        seen.press("Enter")
        seen.wait(f"({ALERT}).startsWith('Not saved yet: the server does not answer')")
        with serving(bench, "--port", str(page.port)) as again:
            seen.wait(f"({ALERT}).includes('open the address')")
            seen.open(again.address)
            seen.wait("document.querySelectorAll('#sample img').length === 1")
            assert seen.value("localStorage.length") == 0
        assert [(one.id, one.label) for one in lines(bench)] == [(asked[0], "dark")]


def test_every_control_has_a_name_can_be_reached_and_is_seen_in_focus(bench, asked, tmp_path):
    with serving(bench) as page, browser(tmp_path / "chromium") as seen:
        seen.open(page.address)
        seen.wait("document.querySelectorAll('#sample img').length === 1")
        shown = "(one) => one.checkVisibility() && !one.disabled"
        controls = f"[...document.querySelectorAll('button, input')].filter({shown})"
        names = seen.value(f"{controls}.map((one) => one.textContent.trim())")
        assert all(names)
        reached = set()
        for _ in range(len(names) + 2):
            seen.press("Tab")
            reached.add(seen.value("document.activeElement.textContent.trim()"))
            style = "getComputedStyle(document.activeElement)"
            if seen.value("document.activeElement.tagName") == "BUTTON":
                assert seen.value(f"{style}.outlineStyle") == "solid"
        assert set(names) <= reached
        for role in ("alert", "status"):
            assert seen.value(f"document.querySelectorAll('[role={role}]').length") == 1
        assert seen.value("document.querySelector('label[for=written]') !== null")


def test_markup_in_a_class_name_is_text_and_runs_nothing(bench, asked, tmp_path):
    with serving(bench) as page, browser(tmp_path / "chromium") as seen:
        seen.open(page.address)
        seen.wait("document.querySelectorAll('#sample img').length === 1")
        markup = '<img src=x onerror="window.broken=1">'
        seen.press("n", *markup, "Enter")
        seen.wait(f"{SAVED}.startsWith('Saved: <img')")
        assert markup in seen.value("document.querySelector('#classes').textContent")
        assert seen.value(
            "window.broken === undefined && document.querySelectorAll('#classes img, aside img').length === 0"
        )
        assert Said(lines(bench)).labels == {asked[0]: markup}


def test_numbers_by_the_keyboard(bench, tmp_path):
    file = bench.root / "recipes" / "tones.yaml"
    file.write_text(file.read_text() + "task: regression\n")
    first, second = sorted(bench.ids)[:2]
    with serving(bench) as page, browser(tmp_path / "chromium") as seen:
        seen.open(page.address)
        seen.wait("document.activeElement?.id === 'written'")
        seen.press(*"1.5", "Enter")
        seen.wait(f"{SAVED} === 'Saved: 1.5' && document.querySelector('#written').value === ''")
        seen.press(*"many", "Enter")
        seen.wait(f"({ALERT}).includes('is no number')")
        assert seen.value("document.querySelector('#written').value") == "many"  # to be corrected
        seen.press("Escape", "?")
        seen.wait(f"{SAVED} === 'Saved: cannot tell'")
        assert [(one.id, one.label) for one in lines(bench)] == [(first, "1.5"), (second, "")]
        assert seen.complaints == [one for one in seen.complaints if "400" in one]  # the refusal alone
