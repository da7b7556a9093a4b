#!/usr/bin/env python3
"""check_log.py KEY FOLDER [OLDER_CHECKPOINT]: checks a C2SP log with Python's hashlib, and OpenSSL for the signature.
From RFC 6962 and C2SP tlog-tiles, tlog-checkpoint, signed-note. Left out: signatures of witnesses are passed over."""
import base64, hashlib, pathlib, subprocess, sys, tempfile
key_text, folder = sys.argv[1].strip(), pathlib.Path(sys.argv[2])
def sha256(data): return hashlib.sha256(data).digest()
def need(truth, why): truth or sys.exit(f"check_log: {why}")
def root(hashes):  # of a tree: split before the largest power of two below the count
    if len(hashes) < 2: return hashes[0] if hashes else sha256(b"")
    half = 1 << ((len(hashes) - 1).bit_length() - 1)
    return sha256(b"\1" + root(hashes[:half]) + root(hashes[half:]))
def read(level, number, width):  # a tile or bundle; when the partial file is gone, the full one
    path = f"tile/{level}/{''.join(f'x{number // 1000**i % 1000:03}/' for i in (2, 1) if number >= 1000**i)}{number % 1000:03}"
    partial = folder / f"{path}.p/{width}"
    return (partial if partial.exists() else folder / path).read_bytes()
def entries(bundle):  # each is its length in 2 bytes, big-endian, and then itself
    while bundle:
        end = 2 + int.from_bytes(bundle[:2], "big")
        yield bundle[2:end]
        bundle = bundle[end:]
def open_checkpoint(path):  # its size and root, if KEY signed them
    (name, key_id, key), (text, lines) = key_text.split("+", 2), path.read_text().split("\n\n", 1)
    signatures = [base64.b64decode(line.split(" ")[2]) for line in lines.splitlines() if line.startswith(f"\u2014 {name} ")]
    (origin, size, top), signature = text.split("\n")[:3], b"".join(s[4:] for s in signatures if s[:4].hex() == key_id)
    public_key = bytes.fromhex("302a300506032b6570032100") + base64.b64decode(key)[1:]  # RFC 8410
    with tempfile.TemporaryDirectory() as t:
        for file, data in ("key", public_key), ("text", text.encode() + b"\n"), ("sig", signature): pathlib.Path(t, file).write_bytes(data)
        openssl = "openssl pkeyutl -verify -pubin -keyform DER -inkey key -rawin -in text -sigfile sig"
        need(subprocess.run(openssl.split(), cwd=t, stdout=subprocess.DEVNULL).returncode == 0 and origin == name, f"{path}: not signed by the key")
    return int(size), base64.b64decode(top)

size, top = open_checkpoint(folder / "checkpoint")
row = [sha256(b"\0" + entry) for n in range(0, size, 256) for entry in list(entries(read("entries", n // 256, min(size - n, 256))))[:size - n]]
need(len(row) == size and root(row) == top, "the entries do not give the signed root")
for old, old_top in [open_checkpoint(pathlib.Path(p)) for p in sys.argv[3:]]: need(old <= size and root(row[:old]) == old_top, "history was rewritten")
for level in range(8):  # the hashes of a level's tiles are the roots of the full tiles below
    for n in range(0, len(row), 256):
        need(read(level, n // 256, min(len(row) - n, 256))[:32 * (len(row) - n)] == b"".join(row[n:n + 256]), f"level {level}, tile {n // 256}: wrong hashes")
    row = [root(row[n:n + 256]) for n in range(0, len(row) - 255, 256)]
print(f"ok: size {size} root {base64.b64encode(top).decode()}")
