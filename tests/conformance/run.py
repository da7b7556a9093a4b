"""tests/conformance/run: strangers' programs over a log of ours, as it is and tampered with.

The table of who refuses what is in docs/threat-model.md; the run fails when it is not what happens.
"""

import argparse
import pathlib
import shutil
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(ROOT / "tests/integration"))

import attacks  # noqa: E402
import kept_log  # noqa: E402
import proofs  # noqa: E402
import receipts  # noqa: E402
import verifiers  # noqa: E402
from harness import plain_log  # noqa: E402

DOCUMENT = ROOT / "docs/threat-model.md"
BEGIN, END = "<!-- tests/conformance/run: begin -->\n", "<!-- tests/conformance/run: end -->\n"
REFUSES, ACCEPTS = "refuses", "·"


class Tally:
    def __init__(self):
        self.passed, self.failures = 0, []

    def check(self, good, what):
        self.passed += good
        if not good:
            self.failures.append(what)


def main():
    begin = time.monotonic()
    options = parse()
    for program in (verifiers.BINARY, verifiers.TLOGCHECK, verifiers.PEERS, verifiers.SPICY):
        if not pathlib.Path(program).exists():
            sys.exit(f"{program}: not built yet; `make conformance` builds what this needs")
    folder = pathlib.Path(options.keep or tempfile.mkdtemp(prefix="conformance-"))
    tally = Tally()
    try:
        made = kept_log.Evidence(options.evidence) if options.evidence else kept_log.make(folder, options.records, options.kills)
        print(f"a log of {made.size} leaves, {made.older_size} when the older checkpoint was kept; {len(made.receipts)} receipts"
              f" ({time.monotonic() - begin:.1f} s)")
        check_given(made, tally)
        check_compat(tally)
        table = check_attacks(made, folder / "attacks", tally)
        check_document(table, options.write, tally)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    for failure in tally.failures:
        print("FAILED", failure)
    print(f"conformance: {tally.passed} passed, {len(tally.failures)} failed in {time.monotonic() - begin:.1f}s")
    sys.exit(bool(tally.failures))


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("evidence", nargs="?", help="a folder that --keep made; default: a new log under load and kill -9")
    parser.add_argument("--keep", metavar="FOLDER", help="make the log there and leave it")
    parser.add_argument("--records", type=int, default=700, help="leaves of the new log, at least")
    parser.add_argument("--kills", type=int, default=8, help="how often the server is killed")
    parser.add_argument("--write", action="store_true", help="put the table into docs/threat-model.md")
    return parser.parse_args()


def check_given(made, tally):
    """What clients were given, true and bent."""
    def report(what, program, refused, wanted, why):
        tally.check(refused == wanted, f"{what}: {program} {'refuses: ' + str(why) if refused else 'accepts'}")

    proofs.check(made, report)
    receipts.check(made, report)
    print(f"{len(made.proofs)} proofs and 6 receipts, true and bent")


def check_compat(tally):
    """Logs of every version that was ever written, and what was given with them."""
    for log in sorted((ROOT / "tests/golden/compat").glob("ledger-v*")):
        kept = kept_log.Compat(log)
        # Of a pruned log strangers want entries that are gone; our own asks for the record of the prune.
        readers = {"`beleg audit fsck`": verifiers.beleg_fsck} if kept.pruned else verifiers.OF_A_LOG
        with plain_log(log / "public") as public:
            for name, verify in readers.items():
                why = verify(kept, public)
                tally.check(why is None, f"{log.name}: {name} refuses: {why}")
        if public != log / "public":
            why = verifiers.beleg_fsck(kept, log / "public")
            tally.check(why is None, f"{log.name}: `beleg audit fsck` refuses it compressed: {why}")
        for file in kept.given:
            why = verifiers.beleg_verify(file, kept.vkey)
            tally.check(why is None, f"{log.name}: beleg audit verify {file.name}: {why}")
        print(f"{log.name}, {len(readers)} readers, {len(kept.given)} files that were given with it")


def check_attacks(made, folder, tally):
    """The table, in markdown."""
    tampered, older = folder / "tampered", folder / "older"
    shutil.copytree(made.public, older)
    attacks.roll_back(made, older)
    others = {seen: (verifiers.Mirror(made, log, folder / f"mirror-{log.name}"), verifiers.Witness(made, log, folder / f"witness-{log.name}"))
              for seen, log in ((True, made.public), (False, older))}
    rows = []
    for attack in attacks.ATTACKS:
        shutil.rmtree(tampered, ignore_errors=True)
        shutil.copytree(made.public, tampered)
        attack(made, tampered)
        columns = verifiers.all_verifiers(*others[not attack.unseen])
        found = {name: verify(made, tampered) for name, verify in columns.items()}
        tally.check(attack.change is not attacks.nothing or not any(found.values()), f"the log as it is: {found}")
        rows.append([attack.name, "yes" if attack.needs_key else "no", *(REFUSES if why else ACCEPTS for why in found.values())])
        print(f"{attack.name}")
        for name, why in found.items():
            print(f"    {name:<22} {'refuses: ' + why[:150] if why else 'accepts'}")
    for mirror, witness in others.values():
        mirror.close()
        witness.close()
    head = ["what is done to the log", "with its key", *columns]
    return "".join("| " + " | ".join(row) + " |\n" for row in [head, ["---"] * len(head), *rows])


def check_document(table, write, tally):
    print(table)
    before, rest = DOCUMENT.read_text().split(BEGIN)
    documented, after = rest.split(END)
    if write:
        DOCUMENT.write_text(before + BEGIN + table + END + after)
        documented = table
    said, is_so = documented.splitlines(), table.splitlines()
    tally.check(len(said) == len(is_so), f"docs/threat-model.md has {len(said)} rows, and there are {len(is_so)}")
    for row, real in zip(said, is_so):
        tally.check(row == real, f"docs/threat-model.md says\n  {row}\nit is\n  {real}")


if __name__ == "__main__":
    main()
