"""Receipts, true and bent, before `beleg audit verify` and before a reader written from docs/formats/receipt.md alone."""

import base64
import json

import c2sp_log
from harness import unbase64url
from verifiers import kept_receipt, other_vkey


def read(receipt, vkey):
    """None when the page says that this receipt is good, else why not."""
    version, body, position, count, path, signature, *_ = receipt.split(".")
    position, count, path = int(position), int(count), unbase64url(path)
    hashes = [path[i:i + 32] for i in range(0, len(path), 32)]
    root = c2sp_log.root_of_path(c2sp_log.leaf_hash(unbase64url(body)), position, count, hashes) if position < count else None
    if root is None:
        return "the path does not lead to a root"
    origin = vkey.split("+", 1)[0]
    try:
        named = json.loads(unbase64url(body))["origin"]
    except (ValueError, KeyError):
        return "the body cannot be read"
    if version != "v1" or named != origin:
        return "another version, or a receipt of another log"
    text = f"{origin}/receipts/v1\n{count}\n{base64.b64encode(root).decode()}\n"
    return None if c2sp_log.is_signed(vkey, text.encode(), unbase64url(signature)) else "the signature is bad"


def with_part(receipt, at, change):
    parts = receipt.split(".")
    parts[at] = change(parts[at])
    return ".".join(parts)


def bend(text):
    """Another base64url text of the same length."""
    middle = len(text) // 2
    return text[:middle] + ("A" if text[middle] != "A" else "B") + text[middle + 1:]


def check(evidence, report):
    """report(what, program, refused, wanted_refused, why) for each."""
    kept = [r for r in evidence.receipts if r["finished"]]
    shared = [r for r in kept if int(r["begin"].split(".")[3]) > 1 or int(r["finish"].split(".")[3]) > 1]
    assert shared, "no two receipts were signed together"
    for given in (kept[0], shared[0], kept[-1]):
        for kind in ("begin", "finish"):
            true = given[kind]
            cases = {
                "as it came": (true, evidence.vkey),
                "with another body": (with_part(true, 1, bend), evidence.vkey),
                "with another signature": (with_part(true, 5, bend), evidence.vkey),
                "in a larger group": (with_part(true, 3, lambda count: str(int(count) + 1)), evidence.vkey),
                "against another key": (true, other_vkey(evidence.vkey)),
            }
            for how, (receipt, vkey) in cases.items():
                for program, why in (("the page", read(receipt, vkey)), ("beleg", kept_receipt(evidence, receipt, vkey))):
                    report(f"a {kind} receipt {how}", program, why is not None, how != "as it came", why)
