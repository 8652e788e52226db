"""A page's sections become parts that fold, with a table of contents before them."""

import re

HEADING = re.compile(r"<h2>(.*?)</h2>", re.DOTALL)
PLACE = "<!--contents-->"
END = "</main>"


def with_contents(page: str) -> str:
    """The page with each section, from its h2 to the next, in a <details> of its own, and links to them where PLACE is.
    A page of fewer than three sections stays as it is.

    The headings are the template's own: values in a page are escaped, so none begins a section.
    """
    body, _, rest = page.partition(END)
    before, *parts = HEADING.split(body)
    titles, texts = parts[::2], parts[1::2]
    if len(titles) < 3:
        return page.replace(PLACE, "")
    links = "".join(f'<a href="#part-{n}">{title}</a>' for n, title in enumerate(titles))
    nav = f'<nav class="contents" aria-label="Contents">{links}</nav>'
    sections = "".join(
        f'<details open class="part" id="part-{n}"><summary><h2>{title}</h2></summary>{text}</details>\n'
        for n, (title, text) in enumerate(zip(titles, texts, strict=True))
    )
    return f"{before.replace(PLACE, nav)}{sections}{END}{rest}"
