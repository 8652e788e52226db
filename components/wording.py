"""Numbers of things as a person reads them, in every sentence that counts."""


def counted(count: int, one: str) -> str:
    """1, "sample": "1 sample"; 2,000: "2,000 samples"; 2, "new delivery": "2 new deliveries"."""
    return f"{count:,} {one if count == 1 else plural(one)}"


def plural(one: str) -> str:
    """Of words that end in a noun whose plural is formed by rule: "class": "classes"."""
    if one.endswith("y") and one[-2] not in "aeiou":
        return f"{one[:-1]}ies"
    hissing = one.endswith(("s", "x", "ch", "sh")) and not one.endswith("epoch")
    return f"{one}es" if hissing else f"{one}s"


def are(count: int, one: str = "is", many: str = "are") -> str:
    """The verb after counted(): 1: "is"; 0 or 2: "are"."""
    return one if count == 1 else many
