"""No function over 70 lines, no file over 1,000; tools/long_functions.txt holds the exceptions and may only shrink."""
import re

from cpp_text import ROOT, Finding, code_of, line_at, sources

FUNCTION_LINES_MAX = 70
FILE_LINES_WARN = 600
FILE_LINES_MAX = 1000
EXCEPTIONS = ROOT / "tools" / "long_functions.txt"

NOT_A_FUNCTION = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:namespace|class|struct|union|enum|extern\s*\"|export)\b", re.S)
PREPROCESSOR = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.|\\\n)*", re.M)
CTOR_INITIALISERS = re.compile(r"\)\s*(?:noexcept\s*(?:\([^()]*\)\s*)?)?:(?!:)")


def check():
    left = dict(read_exceptions())
    for path in sources("src", "tests", "bench"):
        text = path.read_text()
        lines = text.count("\n")
        if lines > FILE_LINES_MAX:
            yield Finding(path, 1, f"{lines} lines; a file has at most {FILE_LINES_MAX}")
        elif lines > FILE_LINES_WARN:
            print(f"warning: {Finding(path, 1, f'{lines} lines: time to split it')}")
        for name, first, last in functions(code_of(text)):
            length = last - first + 1
            allowed = left.pop((str(path.relative_to(ROOT)), name), FUNCTION_LINES_MAX)
            if length > allowed:
                yield Finding(path, first, f"{name} has {length} lines; at most {allowed}")
            elif length < allowed != FUNCTION_LINES_MAX:
                yield Finding(EXCEPTIONS, 1, f"{path.name} {name} has {length} lines now: lower or drop its line")
    yield from (Finding(EXCEPTIONS, 1, f"{path} has no {name} any more: drop its line") for path, name in left)


def read_exceptions():
    for line in EXCEPTIONS.read_text().splitlines():
        if fields := line.split("#")[0].split():
            path, name, lines = fields
            yield (path, name), int(lines)


def functions(code):
    """(name, first line, last line) of every function body that does not stand inside another one."""
    code = PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), code)
    head, parens, open_braces, function_head = 0, 0, [], 0  # head: where the declaration at hand begins
    for match in re.finditer(r"[(){};]", code):
        at, sign, inside = match.start(), match[0], "function" in open_braces
        if sign in "()":
            parens += 0 if inside else 1 if sign == "(" else -1
        elif sign == "{":
            kind = "other" if inside else kind_of(code[head:at], parens)
            open_braces.append(kind)
            if kind == "function":
                function_head = head + len(code[head:at]) - len(code[head:at].lstrip())
            if kind != "other":
                head = at + 1
        elif sign == "}" and open_braces:
            kind = open_braces.pop()
            if kind == "function":
                yield name_of(code[function_head:at]), line_at(code, function_head), line_at(code, at)
            if kind != "other":
                head = at + 1
        elif sign == ";" and not inside and parens == 0 and "other" not in open_braces:
            head = at + 1


def kind_of(head, depth_parens):
    """What a brace opens, told by the text since the last declaration's end."""
    if depth_parens > 0:
        return "other"
    if NOT_A_FUNCTION.match(head):
        return "scope"
    before = head.rstrip()
    if "(" not in head or before.endswith(("=", ",", "return")):
        return "other"
    initialises = CTOR_INITIALISERS.search(head) and re.search(r"[\w>]$", before)
    return "other" if initialises else "function"


def name_of(text):
    match = re.search(r"([\w:~]+|operator\s*\S+?)\s*\(", text)
    if match and match[1].startswith("TEST"):
        return ".".join(re.findall(r"\w+", text[match.end():text.index(")", match.end())])[:2])
    return match[1] if match else "function"
