"""Includes follow layers.txt, written in full from src/; every folder has its place there and in the build."""
import re

from cpp_text import ROOT, Finding, code_of, sources

LAYERS = ROOT / "layers.txt"
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def read_layers():
    """({folder: folders it may include}, {prefix of a library's headers: folders that may include it}, findings)."""
    folders, fences, bad = {}, {}, []
    for number, line in enumerate(LAYERS.read_text().splitlines(), 1):
        name, colon, allowed = line.split("#")[0].partition(":")
        name, allowed = name.strip(), allowed.split()
        if not colon:
            continue
        bad += [Finding(LAYERS, number, f"{name} names {other}, which does not stand above it")
                for other in allowed if other not in folders]
        if name.startswith("<"):
            fences[name[1:]] = set(allowed)
        else:
            folders[name] = {*allowed, name}
    return folders, fences, bad


def check():
    folders, fences, bad = read_layers()
    yield from bad
    yield from check_folders(folders)
    for path in sources("src"):
        here = path.relative_to(ROOT / "src").parts[0]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if match := INCLUDE.match(line):
                what = own_include(path, here, folders, match[1]) if match[1] else library(here, fences, match[2])
                if what:
                    yield Finding(path, number, what)


def check_folders(folders):
    build = ROOT / "src" / "CMakeLists.txt"
    named = re.search(r"foreach\(folder IN ITEMS ([^)]*)\)|foreach\(folder ([^)]*)\)", build.read_text())
    built = (named[1] or named[2]).split() if named else []
    if built != list(folders):
        yield Finding(build, 1, f"builds '{' '.join(built)}', layers.txt says '{' '.join(folders)}'")
    for folder in sorted(path for path in (ROOT / "src").iterdir() if path.is_dir()):
        if folder.name not in folders:
            yield Finding(LAYERS, 1, f"src/{folder.name} has no line here")
        if any(folder.rglob("*.cc")) and not (folder / "CMakeLists.txt").exists():
            yield Finding(folder, 1, "has sources and no CMakeLists.txt, so nothing builds them")


def own_include(path, here, folders, target):
    folder = target.split("/")[0]
    if ".." in target or "/" not in target or not (ROOT / "src" / target).exists():
        return f'"{target}" is not a path from src/ (libraries stand in <>)'
    is_test = path.stem.endswith(("_test", "_bench", "testing"))
    if target.endswith("/testing.h") and not is_test:
        return f'"{target}" is for tests'
    if folder not in folders.get(here, ()):
        return f"{here} may not include {folder} (layers.txt)"
    return None


def library(here, fences, target):
    if here and any(target.startswith(prefix) and here not in allowed for prefix, allowed in fences.items()):
        return f"<{target}> is fenced off from {here} (layers.txt)"
    return None
