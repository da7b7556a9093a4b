"""Words that do not stand in our C++, each with what to write instead; test names; #pragma once."""
import re

from cpp_text import ROOT, Finding, code_of, line_at, sources

# (what it is called, pattern in code, where it is allowed, what to do instead). `where` is matched with the path.
BANNED = [
    ("throw", r"\bthrow\b", None, "return a Result"),
    ("new", r"\bnew\b(?<!operator new)", None, "make_unique, or std::unique_ptr<X>(new X(...)) in a factory"),
    ("delete", r"(?<!=)(?<!= )(?<!operator )\bdelete\b", None, "let an owner end it"),
    ("assert", r"\bassert\s*\(", None, "CHECK, or return a Result"),
    ("std::regex", r"\bstd::w?regex\b", None, "parse by hand: it recurses on the input"),
    ("std::thread", r"\bstd::j?thread\b(?!::id)", r"^src/base/", "Thread of base/thread.h"),
    ("std::mutex", r"\bstd::(?:mutex|condition_variable)\b", r"^src/base/", "Mutex of base/mutex.h"),
    ("detach", r"\.detach\s*\(\s*\)", None, "a thread that someone joins"),
    ("system_clock::now", r"\bsystem_clock::now\b", r"^src/base/clock\.cc$", "Clock of base/clock.h"),
    ("rand", r"\bs?rand\s*\(", None, "Rng of base/rng.h"),
    ("stoi", r"\b(?:sto(?:i|l|ll|ul|ull|f|d|ld)|strto(?:l|ll|ul|ull|f|d|ld)|ato[ifl]l?)\s*\(", r"_test\.cc$",
     "ParseInt64 and its like in base/bytes.h"),
    ("std::cout", r"\bstd::(?:cout|cerr)\b", r"^src/app/|^tests/|^bench/", "the log, or a Result"),
    ("fsync", r"\bf(?:data)?sync\s*\(", r"^src/io/|_test\.cc$", "io/file.h and io/durable.h"),
    ("using namespace", r"\busing\s+namespace\b(?!\s+std::(?:literals|chrono_literals|string_view_literals))", None,
     "the name in full"),
]
IN_TESTS = [("sleep_for", r"\b(?:sleep_for|sleep_until|usleep|sleep)\s*\(", None, "wait for the state itself")]
IN_COMMENTS = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
WRAPPED_NEW = re.compile(r"(?:unique_ptr<[^;{}]*>\s*\w*\s*[({]|\breset\()\s*$")
# The other end of a protocol in a test is worth something because it shares nothing with us, base/ included.
STRANGERS = "tests/peers/grpcpp/"
TEST_NAME = re.compile(r"^\s*(?:TYPED_)?TEST(?:_F|_P)?\s*\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.M)


def check():
    for path in sources("src", "tests", "bench"):
        text = path.read_text()
        code = code_of(text)
        if not str(path.relative_to(ROOT)).startswith(STRANGERS):
            yield from words(path, code)
        for match in IN_COMMENTS.finditer(text):
            yield Finding(path, line_at(text, match.start()), f"{match[0]}: do it, or open an issue and say the limit")
        for match in TEST_NAME.finditer(code):
            if "_" in match[1] + match[2]:
                yield Finding(path, line_at(code, match.start(1)), f"test name {match[1]}.{match[2]} has an underscore")
        if path.suffix == ".h" and "#pragma once" not in text:
            yield Finding(path, 1, "has no #pragma once")


def words(path, code):
    place = str(path.relative_to(ROOT))
    is_test = path.stem.endswith("_test") or place.startswith("tests/")
    for name, pattern, where, instead in BANNED + (IN_TESTS if is_test else []):
        if where and re.search(where, place):
            continue
        for match in re.finditer(pattern, code):
            if name == "new" and WRAPPED_NEW.search(code[max(0, match.start() - 200):match.start()]):
                continue
            yield Finding(path, line_at(code, match.start()), f"{name} is banned: {instead}")
