"""C++ source as text for the checks: comments and literals blanked, positions kept."""
import pathlib
import re
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent

COMMENT_OR_LITERAL = re.compile(r'''
    //[^\n]*
  | /\*.*?\*/
  | R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"
  | "(?:\\.|[^"\\\n])*"
  | (?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'        # the lookbehind spares digit separators: 1'000
''', re.S | re.X)


class Finding(NamedTuple):
    path: pathlib.Path
    line: int
    what: str

    def __str__(self):
        return f"{self.path.relative_to(ROOT)}:{self.line}: {self.what}"


def sources(*folders):
    """Every .h and .cc below the given folders of the repository, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".h", ".cc"))


def code_of(text):
    """The text with comments and the insides of literals blanked: same length, same lines."""
    def blank(match):
        kept = re.sub(r"[^\n]", " ", match[0])
        return kept if match[0].startswith("/") else '"' + kept[1:-1] + '"'
    return COMMENT_OR_LITERAL.sub(blank, text)


def line_at(text, offset):
    return text.count("\n", 0, offset) + 1
