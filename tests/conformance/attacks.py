"""What can be done to a log by who owns its host. Each attack changes a fresh copy of the log in place."""

import json

import c2sp_log
from harness import request_id


class Attack:
    """unseen: mirror and witness know the log up to the older checkpoint alone, else all of it."""

    def __init__(self, name, needs_key, change, unseen=False):
        self.name, self.needs_key, self.change, self.unseen = name, needs_key, change, unseen

    def __call__(self, evidence, folder):
        """The copy in `folder` is another log after this; the bytes that a verifier may still hold are not touched."""
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        self.change(evidence, folder)
        after = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        assert self.change is nothing or after != before, f"{self.name} changed nothing"


def edit(path, change):
    path.write_bytes(change(path.read_bytes()))


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


def victim(evidence):
    """The receipts of a request whose record is older than the older checkpoint."""
    return evidence.receipts_between(1, evidence.older_size)[0]


def young_victim(evidence):
    """The receipts of the newest request, whose record no kept checkpoint covers."""
    return evidence.receipts_between(evidence.older_size, evidence.size)[-1]


def without(entries, receipt):
    """The log without the record of that request."""
    left = [entry for entry in entries if "seq" not in json.loads(entry) or request_id(json.loads(entry)) != receipt["request_id"]]
    assert len(left) == len(entries) - 1
    return left


def nothing(evidence, folder):
    pass


def change_entry(evidence, folder):
    """The victim's record says that its request failed."""
    path = folder / c2sp_log.bundle_path(victim(evidence)["index"], evidence.size)
    entries = c2sp_log.split_bundle(path.read_bytes())
    at = victim(evidence)["index"] % c2sp_log.WIDTH
    entries[at] = entries[at].replace(b'"outcome":"ok"', b'"outcome":"no"')
    path.write_bytes(c2sp_log.join_bundle(entries))


def remove_bundle(evidence, folder):
    (folder / c2sp_log.bundle_path(victim(evidence)["index"], evidence.size)).unlink()


def change_tile(evidence, folder):
    edit(folder / "tile/0/000", lambda tile: flip(tile, 32 * 17))


def change_upper_tile(evidence, folder):
    edit(next((folder / "tile/1").rglob("*.p/*")), lambda tile: flip(tile, 0))


def cut_entries(evidence, folder):
    """The bundles end before the newest request."""
    first = young_victim(evidence)["index"]
    edit(folder / c2sp_log.bundle_path(first, evidence.size),
         lambda bundle: c2sp_log.join_bundle(c2sp_log.split_bundle(bundle)[:first % c2sp_log.WIDTH]))
    for later in range(first // c2sp_log.WIDTH * c2sp_log.WIDTH + c2sp_log.WIDTH, evidence.size, c2sp_log.WIDTH):
        (folder / c2sp_log.bundle_path(later, evidence.size)).unlink()


def swap_entries(evidence, folder):
    """Two neighbours change places in their bundle."""
    index = victim(evidence)["index"]
    path = folder / c2sp_log.bundle_path(index, evidence.size)
    entries, at = c2sp_log.split_bundle(path.read_bytes()), index % c2sp_log.WIDTH
    other = at - 1 if at else 1
    entries[at], entries[other] = entries[other], entries[at]
    path.write_bytes(c2sp_log.join_bundle(entries))


def swap_whole(evidence, folder):
    """Two neighbours change places, in the tiles as well; the checkpoint is the old one."""
    entries, at = list(evidence.entries), victim(evidence)["index"]
    entries[at], entries[at - 1] = entries[at - 1], entries[at]
    c2sp_log.write_tree(folder, entries)


def edit_checkpoint(evidence, folder):
    """A record is gone, and the checkpoint's size and root are made to fit, under the old signature."""
    entries = without(evidence.entries, young_victim(evidence))
    head = evidence.signer.checkpoint(len(entries), c2sp_log.write_tree(folder, entries)).split(b"\n\n")[0]
    edit(folder / "checkpoint", lambda note: head + b"\n\n" + note.split(b"\n\n")[1])


def roll_back(evidence, folder):
    """The log of an hour ago: all files and the checkpoint as they once were."""
    c2sp_log.write_tree(folder, evidence.entries[:evidence.older_size])
    (folder / "checkpoint").write_bytes(evidence.older_checkpoint.read_bytes())


def rewrite_entry(evidence, folder):
    """The victim's record says something else, and all is made and signed anew."""
    entries, at = list(evidence.entries), victim(evidence)["index"]
    record = json.loads(entries[at])
    record["time_us"] += 1
    entries[at] = json.dumps(record, separators=(",", ":"), sort_keys=True).encode()
    c2sp_log.publish(folder, entries, evidence.signer)


def rewrite_without(evidence, folder):
    """The victim's record never was, and the log has grown since."""
    entries = without(evidence.entries, victim(evidence))
    c2sp_log.publish(folder, entries + evidence.entries[-3:], evidence.signer)


def rewrite_order(evidence, folder):
    entries, at = list(evidence.entries), victim(evidence)["index"]
    entries[at], entries[at - 1] = entries[at - 1], entries[at]
    c2sp_log.publish(folder, entries, evidence.signer)


def rewrite_young(evidence, folder):
    """As rewrite_without, but of a record that is younger than the older checkpoint."""
    c2sp_log.publish(folder, without(evidence.entries, young_victim(evidence)), evidence.signer)


ATTACKS = [
    Attack("nothing is done", False, nothing),
    Attack("an entry is changed", False, change_entry),
    Attack("a bundle is missing", False, remove_bundle),
    Attack("a tile is changed", False, change_tile),
    Attack("an upper tile is changed", False, change_upper_tile),
    Attack("the tail is cut off", False, cut_entries),
    Attack("two entries change places", False, swap_entries),
    Attack("… and their tiles fit", False, swap_whole),
    Attack("a record is gone, the checkpoint edited", False, edit_checkpoint),
    Attack("rolled back to an older checkpoint", False, roll_back),
    Attack("history rewritten: a record changed", True, rewrite_entry),
    Attack("history rewritten: a record deleted", True, rewrite_without),
    Attack("history rewritten: another order", True, rewrite_order),
    Attack("a record deleted that no kept checkpoint covers", True, rewrite_young),
    Attack("… before mirror and witness had seen it", True, rewrite_young, unseen=True),
]
