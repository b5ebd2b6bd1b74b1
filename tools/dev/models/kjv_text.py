"""The King James Bible as plain text, from Debian's package bible-kjv-text (public domain text).

A chapter is a heading line "\\nAct 3\\n" (the book as bible(1) abbreviates it) and a line
"number text" for each verse.
"""

import re
import subprocess

HELD_OUT_BOOK, HELD_OUT_CHAPTERS = "Acts", 10


def chapters():
    """[(book, chapter, text)] in the order of the Bible."""
    # -f switches pretty-printing off: a line for each verse, "Ge1:1 In the beginning ...".
    lines = subprocess.run(["bible", "-f", "gen1:1-rev22:21"], capture_output=True, text=True,
                           check=True).stdout.splitlines()
    result = []
    for line in lines:
        match = re.fullmatch(r"(\d?[A-Za-z]+)(\d+):(\d+) (.*)", line)
        if not match:
            raise ValueError(f"unexpected line from bible(1): {line!r}")
        book, chapter, verse, text = match.groups()
        if not result or result[-1][:2] != [book, int(chapter)]:
            result.append([book, int(chapter), f"\n{book} {chapter}\n"])
        result[-1][2] += f"{verse} {text.strip()}\n"
    return result


def split():
    """(training text, held-out text) as bytes. Held out: the first chapters of Acts, which, unlike
    the Gospels, Kings or many Psalms, have no near copy elsewhere in the text."""
    training, held_out = [], []
    for book, chapter, text in chapters():
        kept_apart = book == HELD_OUT_BOOK and chapter <= HELD_OUT_CHAPTERS
        (held_out if kept_apart else training).append(text)
    if len(held_out) != HELD_OUT_CHAPTERS:
        raise ValueError(f"expected {HELD_OUT_CHAPTERS} held-out chapters, found {len(held_out)}")
    return "".join(training).encode(), "".join(held_out).encode()
