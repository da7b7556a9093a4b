// The whole way from a record's bytes to a key that this browser pinned. Each step that holds is told, so that it can be shown.
import {type AuditRecord, type Evidence} from './api';
import {equal, fromBase64, fromHex, join, sha256, toHex, utf8} from './bytes';
import {count, group} from './format';
import {type KeyProofs, keyToUse} from './keys';
import {leafHash, rootOfInclusion} from './merkle';
import {openNote, parseCheckpoint, parseTlogProof, parseVerifierKey} from './note';
import {type Memory, type Pin, readPin, remember} from './pin';

export interface Step {
  what: string;
  value: string;
}

export type Verdict =
  | {state: 'verified'; record: AuditRecord; index: number; steps: Step[]; pin: Pin; firstSight: boolean}
  | {state: 'failed'; reason: string; steps: Step[]}
  | {state: 'unchecked'; reason: string};

// keyProofs: asked where the log's key is not the pinned one.
export async function verify(requestId: string, evidence: Evidence, keyProofs: KeyProofs, memory: Memory, now_ms: number): Promise<Verdict> {
  const unchecked = await whyNotHere();
  if (unchecked) return {state: 'unchecked', reason: unchecked};
  const steps: Step[] = [];
  try {
    const entry = fromBase64(evidence.entry_base64);
    const leaf = await leafHash(entry);
    steps.push({what: 'SHA-256 of the leaf', value: toHex(leaf)});
    const record = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(entry)) as AuditRecord;
    if (await requestIdOf(record) !== evidenceName(requestId)) {
      throw new Error('the leaf is the record of another request');
    }
    const proof = parseTlogProof(evidence.proof);
    const before = readPin(memory, evidence.origin);
    const vkey = await keyToUse(before, evidence.vkey, keyProofs);
    const key = await parseVerifierKey(vkey);
    const checkpoint = parseCheckpoint(await openNote(proof.note, key));
    // The pin is kept under this name; under another one the key would be seen for the first time again.
    for (const name of [key.name, checkpoint.origin]) {
      if (name !== evidence.origin) throw new Error(`key or checkpoint are of the log ${name}, not of ${evidence.origin}`);
    }
    steps.push({what: 'Signature under the checkpoint', value: `Ed25519 by ${vkey}`});
    const root = await rootOfInclusion(leaf, proof.index, checkpoint.size, proof.hashes);
    if (!equal(root, checkpoint.root)) throw new Error('the record\'s bytes do not lead to the signed root');
    steps.push({what: `Root over ${count(checkpoint.size, 'leaf', 'leaves')}, by ${count(proof.hashes.length, 'hash', 'hashes')} from leaf ${group(proof.index)}`, value: toHex(root)});
    const pin = remember(memory, vkey, checkpoint, now_ms);
    if (pin.follows) steps.push({what: 'Key that vouches for this one', value: pin.follows});
    return {state: 'verified', record, index: proof.index, steps, pin, firstSight: !before};
  } catch (error) {
    return {state: 'failed', reason: error instanceof Error ? error.message : String(error), steps};
  }
}

// The id without its prefix; `beleg audit prove` names its files like this too.
export function evidenceName(requestId: string): string {
  return requestId.replace(/^(chatcmpl|cmpl)-/, '');
}

// First 16 bytes of SHA-256("beleg/v1/request-id" ‖ boot ‖ seq ‖ trace id), in hexadecimal (docs/formats/record.md).
export async function requestIdOf(record: AuditRecord): Promise<string> {
  const seq = new DataView(new ArrayBuffer(8));
  seq.setBigUint64(0, BigInt(record.seq));
  const boot = fromHex(record.begun_boot ?? record.boot);
  const hash = await sha256(join(utf8('beleg/v1/request-id'), boot, new Uint8Array(seq.buffer), fromHex(record.trace_id)));
  return toHex(hash.slice(0, 16));
}

// WebCrypto is there in secure contexts alone (https, or a loopback address), and Ed25519 in browsers since 2025.
async function whyNotHere(): Promise<string> {
  if (!globalThis.crypto?.subtle) return 'this page did not come over https or from this machine, so the browser offers no cryptography';
  try {
    await crypto.subtle.importKey('raw', new Uint8Array(32), 'Ed25519', false, ['verify']);
    return '';
  } catch {
    return 'this browser has no Ed25519';
  }
}
