"""clang-format would change nothing."""
import pathlib
import re
import shutil
import subprocess

from cpp_text import Finding, sources

TOOL = "clang-format-19"
COMPLAINT = re.compile(r"^(.+?):(\d+):\d+: error: ", re.M)


def check():
    files = sources("src", "tests", "bench")
    if not shutil.which(TOOL):
        print(f"warning: format not checked: {TOOL} is missing (make setup-test installs it)")
        return
    if not files:
        return
    said = subprocess.run([TOOL, "--dry-run", "-Werror", "--ferror-limit=1", *files], capture_output=True,
                          text=True).stderr
    for path, line in COMPLAINT.findall(said):
        yield Finding(pathlib.Path(path), int(line), "not as clang-format writes it (make format)")
