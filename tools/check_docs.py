"""Links in our texts lead somewhere, tests that they name are there, src/README.md names every folder, go.sum and the pins agree."""
import re
import subprocess

import pins
from cpp_text import ROOT, Finding, line_at

LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
# `src/folder/file_test.cc: NameOfTheTest`: a claim names the test that shows it.
TEST = re.compile(r"`((?:src|tests)/[\w/.-]+\.(?:cc|py|go)): (\w+)`")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.S)
GO_SUM = ROOT / "tests" / "conformance" / "go" / "go.sum"


def check():
    for path in texts():
        yield from links(path)
        yield from named_tests(path)
    map_of_src = ROOT / "src" / "README.md"
    named = map_of_src.read_text() if map_of_src.exists() else ""
    for folder in sorted(path.name for path in (ROOT / "src").iterdir() if path.is_dir()):
        if not re.search(rf"(?<![\w/]){folder}(?:/|\b)", named):
            yield Finding(map_of_src, 1, f"does not name {folder}/")
    yield from go_sums()


def texts():
    listing = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"], cwd=ROOT,
                             capture_output=True, text=True, check=True).stdout
    return [path for name in sorted(set(listing.splitlines())) if (path := ROOT / name).exists()]


def links(path):
    text = CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), path.read_text())
    for match in LINK.finditer(text):
        target, _, heading = match[1].partition("#")
        if "://" in match[1] or match[1].startswith("mailto:"):
            continue
        file = (path.parent / target).resolve() if target else path
        if not file.exists():
            yield Finding(path, line_at(text, match.start()), f"link to {target}: there is no such file")
        elif heading and file.suffix == ".md" and heading not in headings(file):
            yield Finding(path, line_at(text, match.start()), f"link to #{heading}: {file.name} has no such heading")


def named_tests(path):
    text = path.read_text()
    for match in TEST.finditer(text):
        file = ROOT / match[1]
        if not file.exists() or not re.search(rf"\b{match[2]}\b", file.read_text()):
            yield Finding(path, line_at(text, match.start()), f"there is no {match[2]} in {match[1]}")


def headings(path):
    """The names by which a page's headings are linked: lower case, words joined by '-', other signs left out."""
    titles = re.findall(r"^#+\s+(.*)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def go_sums():
    sums = {tuple(line.split()[:2]): line.split()[2] for line in GO_SUM.read_text().splitlines()
            if "/go.mod " not in line}
    pinned = {(pin.name, pin.version): pin.hash for pin in pins.read() if pin.kind == "go"}
    for module in sorted(sums.keys() | pinned.keys()):
        if sums.get(module) != pinned.get(module):
            yield Finding(pins.PINS, 1, f"{' '.join(module)}: {pinned.get(module)} here, {sums.get(module)} in go.sum")
