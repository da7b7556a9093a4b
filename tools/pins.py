"""third_party/pins.txt as values: what may come from a registry, and the hash each thing must have."""
import hashlib
import pathlib
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
PINS = ROOT / "third_party" / "pins.txt"


class Pin(NamedTuple):
    kind: str
    name: str
    version: str
    hash: str

    def requirement(self):
        return f"{self.name}=={self.version} --hash=sha256:{self.hash}"


def read():
    pins = []
    for number, line in enumerate(PINS.read_text().splitlines(), 1):
        fields = line.split("#")[0].split()
        if fields and len(fields) != 4:
            raise SystemExit(f"{PINS}:{number}: wanted KIND NAME VERSION HASH, found {len(fields)} fields")
        if fields:
            pins.append(Pin(*fields))
    return pins


def one(kind, name):
    found = [pin for pin in read() if (pin.kind, pin.name) == (kind, name)]
    if len(found) != 1:
        raise SystemExit(f"{PINS}: wanted one line '{kind} {name}', found {len(found)}")
    return found[0]


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
