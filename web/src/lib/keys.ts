// From a log's key to those that it was changed to, by the proofs that lie beside the log (docs/formats/ledger.md, "Keys"). It leads to
// newer keys alone: the newest signs what this page checks.
import {type Bytes, equal} from './bytes';
import {isoTime} from './format';
import {leafHash, rootOfInclusion} from './merkle';
import {isSignedBy, noteText, parseCheckpoint, parseTlogProof, parseVerifierKey} from './note';
import type {Pin} from './pin';

// One change: the record of the new key stands in the tree of that checkpoint. Who signed it is not looked at yet.
interface KeyProof {
  vkey: string;
  replaces: string | undefined;  // as older programs wrote it
  index: number;
  note: string;
}

// The texts of keys/001.tlog-proof and so on.
export type KeyProofs = () => Promise<string[]>;

// The key to verify with: the pinned one; at first sight, or where the pinned one leads to it, the one offered.
export async function keyToUse(pin: Pin | undefined, offered: string, proofs: KeyProofs): Promise<string> {
  if (!pin || pin.vkey === offered) return offered;
  const keys = await keysFrom(pin.vkey, await proofs());
  if (keys.includes(offered)) return offered;
  throw new Error(`the store offers another key than the one this browser saw first, on ${isoTime(pin.since_ms * 1000).slice(0, 19)} UTC, ` +
                  'and no proof of a change leads from that one to it');
}

// This key, then each that follows from it, in whatever order the proofs come. Throws where one is forged: what leads on is in doubt then.
export async function keysFrom(vkey: string, texts: string[]): Promise<string[]> {
  const proofs = await Promise.all(texts.map(read));
  const keys = [vkey];
  for (let next: string | undefined = vkey; next !== undefined;) {
    next = await keyAfter(next, proofs.filter(proof => !keys.includes(proof.vkey)));
    if (next !== undefined) keys.push(next);
  }
  return keys;
}

async function read(text: string, at: number): Promise<KeyProof> {
  try {
    return await parseKeyProof(text);
  } catch (error) {
    throw new Error(`proof ${at + 1} of a change of the log's key: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function parseKeyProof(text: string): Promise<KeyProof> {
  const {extra, index, hashes, note} = parseTlogProof(text);
  const {type, vkey, replaces} = recordOf(extra);
  if (type !== 'key' || typeof vkey !== 'string') throw new Error('it has no record of a key');
  const {origin, size, root} = parseCheckpoint(noteText(note));
  if (!equal(await rootOfInclusion(await leafHash(extra), index, size, hashes), root)) {
    throw new Error('the record of the key does not lead to the signed root');
  }
  for (const one of replaces === undefined ? [vkey] : [vkey, String(replaces)]) {
    const {name} = await parseVerifierKey(one);
    if (name !== origin) throw new Error(`it names a key of ${name}, the log is ${origin}`);
  }
  return {vkey, replaces: replaces === undefined ? undefined : String(replaces), index, note};
}

function recordOf(extra: Bytes): Record<string, unknown> {
  return extra.length === 0 ? {} : JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(extra)) as Record<string, unknown>;
}

// Of records that name no former key, which the old key signed alone, the first counts, and only where there are no others.
async function keyAfter(vkey: string, proofs: KeyProof[]): Promise<string | undefined> {
  const vouched: KeyProof[] = [];
  for (const proof of proofs) {
    const signers = proof.replaces === undefined ? [vkey] : proof.replaces === vkey ? [vkey, proof.vkey] : [];
    if (signers.length > 0 && await areSigners(signers, proof.note)) vouched.push(proof);
  }
  const named = new Set(vouched.filter(proof => proof.replaces !== undefined).map(proof => proof.vkey));
  if (named.size > 1) throw new Error(`the log's key ${vkey} vouches for two others: one of them is forged, ask the operator which`);
  const [first] = named;
  return first ?? vouched.sort((a, b) => a.index - b.index)[0]?.vkey;
}

async function areSigners(vkeys: string[], note: string): Promise<boolean> {
  for (const vkey of vkeys) {
    if (!await isSignedBy(note, await parseVerifierKey(vkey))) return false;
  }
  return true;
}
