// What this browser has seen of a log before: its key at first sight, and the newest checkpoint since. A log with another key,
// with fewer leaves, or with another root for the same number of leaves is not the log it was. A key that the pinned one leads to
// (keys.ts) takes its place.
import {toBase64} from './bytes';
import type {Checkpoint} from './note';

export interface Pin {
  vkey: string;
  follows?: string;  // the key that was pinned before and led to it
  since_ms: number;
  size: number;
  root: string;  // base64
}

// The part of Storage that is used.
export interface Memory {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export function readPin(memory: Memory, origin: string): Pin | undefined {
  const text = memory.getItem(name(origin));
  return text === null ? undefined : JSON.parse(text) as Pin;
}

// The same for a look only, where an unreadable pin is no reason to stop; verifying with it fails.
export function knownPin(memory: Memory, origin: string): Pin | undefined {
  try {
    return readPin(memory, origin);
  } catch {
    return undefined;
  }
}

// Pins a key that the pinned one leads to.
export function movePin(memory: Memory, origin: string, vkey: string, now_ms: number): void {
  const pin = readPin(memory, origin);
  if (pin) memory.setItem(name(origin), JSON.stringify({...pin, ...keyOf(pin, vkey, now_ms)}));
}

function keyOf(before: Pin | undefined, vkey: string, now_ms: number): Pick<Pin, 'vkey' | 'follows' | 'since_ms'> {
  if (!before) return {vkey, since_ms: now_ms};
  return before.vkey === vkey ? {vkey, follows: before.follows, since_ms: before.since_ms} : {vkey, follows: before.vkey, since_ms: now_ms};
}

// After a person has compared the new key with the operator's: the next proof pins what it finds.
export function forget(memory: Memory, origin: string): void {
  memory.removeItem(name(origin));
}

// vkey: keyToUse. Throws when the verified checkpoint cannot be one of the log that was seen before; else remembers it.
export function remember(memory: Memory, vkey: string, seen: Checkpoint, now_ms: number): Pin {
  const before = readPin(memory, seen.origin);
  const root = toBase64(seen.root);
  if (before && seen.size < before.size) {
    throw new Error(`the log had ${before.size} leaves when this browser last looked, and has ${seen.size} now`);
  }
  if (before && seen.size === before.size && root !== before.root) {
    throw new Error(`the log has another root for ${seen.size} leaves than when this browser last looked`);
  }
  const pin = {...keyOf(before, vkey, now_ms), size: seen.size, root};
  memory.setItem(name(seen.origin), JSON.stringify(pin));
  return pin;
}

function name(origin: string): string {
  return `beleg.log.${origin}`;
}
