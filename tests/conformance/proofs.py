"""The .tlog-proof of one record, true and bent, before everyone who reads such files."""

import base64

import c2sp_log
from verifiers import BINARY, PEERS, SPICY, TLOGCHECK, ask, other_vkey

MAGIC = b"c2sp.org/tlog-proof@v1\n"


def check_with_all(evidence, proof, entry, vkey):
    """Program → None or why it refuses."""
    return {
        "Go `x/mod`": ask([TLOGCHECK, "--vkey", vkey, "--proof", proof, "--entry", entry]),
        "`merkle`": ask([PEERS, "--with", "merkle", "--vkey", vkey, "--proof", proof, "--entry", entry]),
        "torchwood": ask([PEERS, "--with", "torchwood", "--vkey", vkey, "--proof", proof, "--entry", entry]),
        "torchwood's `spicy`": spicy(evidence, proof, entry, vkey),
        "`beleg audit verify`": ask([BINARY, "audit", "verify", proof, "--entry", entry, "--vkey", vkey], "proof: "),
    }


def spicy(evidence, proof, entry, vkey):
    """v0.9.0's command reads the form before the specification: the same lines without the first, in a file beside the entry."""
    asked = evidence.folder / "asked"
    asked.write_bytes(entry.read_bytes())
    asked.with_suffix(".spicy").write_bytes(proof.read_bytes().removeprefix(MAGIC))
    return ask([SPICY, "-verify", vkey, asked], "verified")


def with_lines(proof, change):
    head, checkpoint = proof.split(b"\n\n", 1)
    lines = head.split(b"\n")
    return b"\n".join(change(lines)) + b"\n\n" + checkpoint


def other_checkpoint(evidence, proof):
    """A checkpoint of the same log that is one leaf smaller, signed."""
    _, size, _ = c2sp_log.checkpoint_head(proof.split(b"\n\n", 1)[1])
    leaves = [c2sp_log.leaf_hash(entry) for entry in evidence.entries[:size - 1]]
    return evidence.signer.checkpoint(size - 1, c2sp_log.root_of(leaves))


def other_hash(lines):
    return lines[:-1] + [base64.b64encode(bytes(32))]


def next_index(lines):
    return [b"index %d" % (int(line[6:]) + 1) if line.startswith(b"index ") else line for line in lines]


def check(evidence, report):
    """report(what, program, refused, wanted_refused, why) for each."""
    bent = evidence.folder / "bent"
    for proof in evidence.proofs:
        entry = proof.with_suffix(".json")
        true, record = proof.read_bytes(), entry.read_bytes()
        cases = {
            "the proof of a record": (true, record, evidence.vkey),
            "… of a changed record": (true, record.replace(b"{", b"{ ", 1), evidence.vkey),
            "… with another index": (with_lines(true, next_index), record, evidence.vkey),
            "… with another hash": (with_lines(true, other_hash), record, evidence.vkey),
            "… with a hash left out": (with_lines(true, lambda lines: lines[:-1]), record, evidence.vkey),
            "… under another checkpoint": (true.split(b"\n\n", 1)[0] + b"\n\n" + other_checkpoint(evidence, true), record, evidence.vkey),
            "… against another key": (true, record, other_vkey(evidence.vkey)),
        }
        for what, (text, content, vkey) in cases.items():
            file, record_file = bent.with_suffix(".tlog-proof"), bent.with_suffix(".json")
            file.write_bytes(text)
            record_file.write_bytes(content)
            for program, why in check_with_all(evidence, file, record_file, vkey).items():
                report(f"{what} ({proof.stem[:8]})", program, why is not None, what != "the proof of a record", why)

