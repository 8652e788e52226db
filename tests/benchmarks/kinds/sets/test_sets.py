import json
import sqlite3
import zipfile

from benchmarks.kinds.sets import SETS
from benchmarks.kinds.sets.tables import BOKEH, FILMS, RIVER, films, segments
from benchmarks.kinds.sets.texts import GROUPS, MAILS, WORDNET, glosses, is_text, mails


def test_mails_are_read_by_their_folder_and_what_is_no_text_is_left_out(tmp_path):
    place = MAILS.path(tmp_path).parent
    for number, group in enumerate(GROUPS):
        (place / group).mkdir(parents=True)
        (place / group / "0.json").write_text(json.dumps({"text": f"mail number {number}"}))
    (place / GROUPS[0] / "1.json").write_text(json.dumps({"text": "\x01\x02\x03\x04 a"}))
    (place / GROUPS[0] / "2.json").write_text(json.dumps({"text": " \n"}))
    found = mails(tmp_path)
    named = dict(zip(found.columns["text"], (found.classes[label] for label in found.labels), strict=True))
    assert named == {f"mail number {n}": "spam" if n > 2 else "ham" for n in range(5)}
    assert not is_text("\x01\x02")


def test_glosses_have_the_class_of_their_lexicographer_file(tmp_path):
    file = tmp_path / "debian" / WORDNET.marker
    file.parent.mkdir(parents=True)
    file.write_text(
        "  1 This is the licence | really\n"
        "00001740 05 n 01 dog 0 001 @ 0 n 0000 | a domestic animal  \n"
        "00001741 20 n 01 oak 0 001 @ 0 n 0000 | a tall tree\n"
        "00001742 03 n 01 thing 0 001 @ 0 n 0000 | of no class here\n"
    )
    found = glosses(tmp_path)
    named = dict(zip(found.columns["text"], (found.classes[label] for label in found.labels), strict=True))
    assert named == {"a domestic animal": "animal", "a tall tree": "plant"}


def test_films_have_one_of_the_genres_and_gaps_are_empty(tmp_path):
    file = BOKEH.path(tmp_path)
    file.parent.mkdir(parents=True)
    asked = [part.strip() for part in FILMS.split("SELECT")[1].split("FROM")[0].replace("\n", " ").split(",")]
    columns = {table: [one.split()[0][2:] for one in asked if one.startswith(f"{table}.")] for table in "ot"}
    with sqlite3.connect(file) as base:
        base.execute(f"CREATE TABLE omdb (ID, {', '.join(columns['o'])})")
        base.execute(f"CREATE TABLE tomatoes (ID, {', '.join(columns['t'])})")
        for number, genre in enumerate(["Comedy", "Comedy, Drama", "Drama, Romance", None]):
            rest = [f"{number}{column}" for column in columns["o"][1:]]
            base.execute(
                f"INSERT INTO omdb VALUES ({', '.join('?' * (2 + len(rest)))})", [number, genre, *rest]
            )
    found = films(tmp_path)
    assert [found.classes[label] for label in found.labels] in (["Comedy", "Drama"], ["Drama", "Comedy"])
    assert sorted(found.columns["year"]) == ["0Year", "2Year"]
    assert found.columns["meter"] == ["", ""]
    assert "genre" not in found.columns


def test_segments_are_read_from_the_archive(tmp_path):
    file = RIVER.path(tmp_path)
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("any.csv", "a,b,category\n1,2,sky\n3,4,path\n")
    found = segments(tmp_path)
    assert sorted(zip(found.columns["a"], found.columns["b"], strict=True)) == [("1", "2"), ("3", "4")]
    assert found.classes == ["path", "sky"]


def test_names_are_kinds_and_needs():
    assert [(one.name, one.kind, one.needed) for one in SETS.values()] == [
        ("mails", "text", 1), ("glosses", "text", 5), ("films", "table", 0), ("customers", "table", 0),
        ("segments", "table", 0),
    ]  # fmt: skip
