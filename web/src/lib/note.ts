// Signed notes, verifier keys, checkpoints and proof files, as C2SP writes them (signed-note, tlog-checkpoint, tlog-proof).
import {type Bytes, equal, fromBase64, fromHex, join, sha256, utf8} from './bytes';

export interface VerifierKey {
  name: string;
  id: Bytes;  // 4 bytes
  key: Bytes;  // 32 bytes, Ed25519
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: Bytes;
}

export interface TlogProof {
  extra: Bytes;  // empty where it has none
  index: number;
  hashes: Bytes[];
  note: string;  // the signed checkpoint
}

const ED25519 = 1;

// "name+id+base64(0x01 ‖ public key)"; the id must be that of name and key.
export async function parseVerifierKey(text: string): Promise<VerifierKey> {
  const [, name, id, encoded] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  if (!name || !id || !encoded) throw new Error('the verifier key is not of the form name+id+key');
  const typed = fromBase64(encoded);
  if (typed.length !== 33 || typed[0] !== ED25519) throw new Error('the verifier key is no Ed25519 key');
  const hash = await sha256(join(utf8(`${name}\n`), typed));
  if (!equal(hash.slice(0, 4), fromHex(id))) throw new Error('the verifier key does not fit its own id');
  return {name, id: fromHex(id), key: typed.slice(1)};
}

// The note's text if one of its signatures is a good one by this key; throws the reason else.
export async function openNote(note: string, key: VerifierKey): Promise<string> {
  if (!await isSignedBy(note, key)) throw new Error(`the checkpoint has no signature by the key ${key.name}`);
  return noteText(note);
}

// False where the key did not sign; throws where a signature that says it is of this key is wrong.
export async function isSignedBy(note: string, key: VerifierKey): Promise<boolean> {
  const text = noteText(note);
  const lines = note.slice(text.length + 1, -1).split('\n');
  const ours = lines.map(line => signatureBy(line, key)).filter(signature => signature !== undefined);
  if (ours.length === 0) return false;
  const imported = await crypto.subtle.importKey('raw', key.key, 'Ed25519', false, ['verify']);
  for (const signature of ours) {
    if (!await crypto.subtle.verify('Ed25519', imported, signature, utf8(text))) {
      throw new Error('the signature under the checkpoint is wrong');
    }
  }
  return true;
}

// What is signed: nothing is shown by it yet.
export function noteText(note: string): string {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new Error('the checkpoint is no signed note');
  return note.slice(0, split + 1);
}

function signatureBy(line: string, key: VerifierKey): Bytes | undefined {
  const [, name, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? [];
  if (!name || !encoded) throw new Error('a signature line of the checkpoint is malformed');
  const bytes = fromBase64(encoded);
  if (name !== key.name || !equal(bytes.slice(0, 4), key.id)) return undefined;
  return bytes.slice(4);
}

export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root] = text.split('\n');
  if (!origin || !root) throw new Error('the checkpoint has less than three lines');
  const hash = fromBase64(root);
  if (hash.length !== 32) throw new Error('the checkpoint\'s root has not 32 bytes');
  return {origin, size: wholeNumber(size, 'the checkpoint\'s size'), root: hash};
}

export function parseTlogProof(text: string): TlogProof {
  const lines = text.split('\n');
  if (lines.shift() !== 'c2sp.org/tlog-proof@v1') throw new Error('the proof is no c2sp.org/tlog-proof@v1');
  const extra = fromBase64(lines[0]?.startsWith('extra ') ? lines.shift()!.slice('extra '.length) : '');
  const [, index] = /^index (\d+)$/.exec(lines.shift() ?? '') ?? [];
  const end = lines.indexOf('');
  if (end < 0) throw new Error('the proof is cut off');
  const hashes = lines.slice(0, end).map(fromBase64);
  if (hashes.length > 63 || hashes.some(hash => hash.length !== 32)) throw new Error('a hash of the proof is malformed');
  return {extra, index: wholeNumber(index, 'the proof\'s index'), hashes, note: lines.slice(end + 1).join('\n')};
}

function wholeNumber(text: string | undefined, what: string): number {
  if (!text || !/^(0|[1-9]\d*)$/.test(text) || !Number.isSafeInteger(Number(text))) throw new Error(`${what} is no number`);
  return Number(text);
}
