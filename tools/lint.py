#!/usr/bin/env python3
"""All checks of the text of this repository: `lint.py`, or `lint.py layers words` for some of them.

Prints `file:line: what` for each finding; the exit status is 1 if there is one. Takes seconds.
"""
import importlib
import sys
import time

CHECKS = ["layers", "sizes", "words", "docs", "format"]


def main():
    begin, failed, wanted = time.monotonic(), 0, sys.argv[1:] or CHECKS
    for name in wanted:
        if name not in CHECKS:
            raise SystemExit(f"no check is called {name}; there are {' '.join(CHECKS)}")
        findings = list(importlib.import_module(f"check_{name}").check())
        print("".join(f"{finding}\n" for finding in findings), end="")
        failed += bool(findings)
    print(f"lint: {len(wanted) - failed} passed, {failed} failed in {time.monotonic() - begin:.1f} s")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
