"""A C2SP tlog-tiles log, read from its files and written again: what an attacker who owns the host can do to it."""

import base64
import hashlib
import pathlib
import subprocess
import tempfile

WIDTH = 256


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(entry):
    return sha256(b"\0" + entry)


def root_of(hashes):
    """RFC 6962 §2.1."""
    if len(hashes) < 2:
        return hashes[0] if hashes else sha256(b"")
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\1" + root_of(hashes[:half]) + root_of(hashes[half:]))


def consistency_proof(hashes, old, whole=True):
    """RFC 6962 §2.1.2: that the tree of the first `old` leaves is the beginning of this one."""
    if old == len(hashes):
        return [] if whole else [root_of(hashes)]
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    if old <= half:
        return consistency_proof(hashes[:half], old, whole) + [root_of(hashes[half:])]
    return consistency_proof(hashes[half:], old - half, False) + [root_of(hashes[:half])]


def tile_path(level, number, width=WIDTH):
    """level: 0 and up, or "entries"."""
    path = f"{number % 1000:03}"
    while number >= 1000:
        number //= 1000
        path = f"x{number % 1000:03}/{path}"
    return f"tile/{level}/{path}" + (f".p/{width}" if width < WIDTH else "")


def bundle_path(index, size):
    """The file that holds the entry `index` of a log of `size`."""
    number = index // WIDTH
    return tile_path("entries", number, min(WIDTH, size - number * WIDTH))


def split_bundle(data):
    entries = []
    while data:
        end = 2 + int.from_bytes(data[:2], "big")
        entries.append(data[2:end])
        data = data[end:]
    return entries


def join_bundle(entries):
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def checkpoint_head(note):
    """Origin, size and root as a checkpoint says them; nothing is checked."""
    origin, size, root = note.decode().split("\n")[:3]
    return origin, int(size), base64.b64decode(root)


def read_entries(folder):
    """All entries, as the checkpoint counts them."""
    _, size, _ = checkpoint_head((folder / "checkpoint").read_bytes())
    entries = []
    for first in range(0, size, WIDTH):
        entries += split_bundle((folder / bundle_path(first, size)).read_bytes())
    return entries


def write_tree(folder, entries):
    """Every bundle and tile of this tree, and no other; returns the root."""
    for old in sorted((folder / "tile").rglob("*"), reverse=True):
        old.rmdir() if old.is_dir() else old.unlink()
    files = {bundle_path(first, len(entries)): join_bundle(entries[first:first + WIDTH]) for first in range(0, len(entries), WIDTH)}
    row, level = [leaf_hash(entry) for entry in entries], 0
    root = root_of(row)
    while row:
        for first in range(0, len(row), WIDTH):
            tile = row[first:first + WIDTH]
            files[tile_path(level, first // WIDTH, len(tile))] = b"".join(tile)
        row = [root_of(row[first:first + WIDTH]) for first in range(0, len(row) - WIDTH + 1, WIDTH)]
        level += 1
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return root


def is_signed(vkey, text, signature):
    """Ed25519 by the openssl command; vkey: a note's verifier key."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"key": bytes.fromhex("302a300506032b6570032100") + base64.b64decode(vkey.split("+", 2)[2])[1:],  # RFC 8410
                 "text": text, "signature": signature}
        for name, data in files.items():
            pathlib.Path(folder, name).write_bytes(data)
        command = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile signature"
        return subprocess.run(command.split(), cwd=folder, capture_output=True).returncode == 0


def root_of_path(hash, position, count, path):
    """The root that an audit path leads to (RFC 9162 §2.1.3.2); None when it has too many or too few hashes."""
    last = count - 1
    for node in path:
        if last == 0:
            return None
        if position & 1 or position == last:
            hash = sha256(b"\1" + node + hash)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            hash = sha256(b"\1" + hash + node)
        position, last = position >> 1, last >> 1
    return hash if last == 0 else None


class Signer:
    """A log's private key in the form of Go's note package; signs with the openssl command."""

    def __init__(self, private_key):
        _, _, name, self.key_id, key = private_key.strip().split("+", 4)
        self.name, self.seed = name, base64.b64decode(key)[1:]

    def checkpoint(self, size, root):
        text = f"{self.name}\n{size}\n{base64.b64encode(root).decode()}\n"
        with tempfile.TemporaryDirectory() as folder:
            key, message = pathlib.Path(folder, "key"), pathlib.Path(folder, "text")
            key.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + self.seed)  # RFC 8410
            message.write_text(text)
            signature = subprocess.run(["openssl", "pkeyutl", "-sign", "-keyform", "DER", "-inkey", key, "-rawin", "-in", message],
                                       check=True, capture_output=True).stdout
        line = base64.b64encode(bytes.fromhex(self.key_id) + signature).decode()
        return f"{text}\n\u2014 {self.name} {line}\n".encode()


def publish(folder, entries, signer):
    """The whole log anew, signed."""
    root = write_tree(folder, entries)
    (folder / "checkpoint").write_bytes(signer.checkpoint(len(entries), root))
