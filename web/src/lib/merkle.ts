// Merkle tree hashes and inclusion proofs (RFC 6962 §2.1, RFC 9162 §2.1.3.2). Sizes stay below 2^53.
import {type Bytes, join, sha256} from './bytes';

export function leafHash(entry: Bytes): Promise<Bytes> {
  return sha256(join(Uint8Array.of(0), entry));
}

export function nodeHash(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(join(Uint8Array.of(1), left, right));
}

// The root that the proof leads to from leaf `index` of a tree of `size` leaves. Throws when it has too many or too few hashes.
// The root shows nothing until it is known to be the signed one.
export async function rootOfInclusion(leaf: Bytes, index: number, size: number, proof: Bytes[]): Promise<Bytes> {
  if (index >= size) throw new Error(`the proof is for leaf ${index} of a tree of ${size} leaves`);
  let node = index, last = size - 1, hash = leaf;
  for (const sibling of proof) {
    if (last === 0) throw new Error('the proof has too many hashes');
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash);
      // A last node without a right sibling rises until it is a right child.
      while (node % 2 === 0) node = half(node), last = half(last);
    } else {
      hash = await nodeHash(hash, sibling);
    }
    node = half(node);
    last = half(last);
  }
  if (last !== 0) throw new Error('the proof has too few hashes');
  return hash;
}

function half(n: number): number {
  return Math.floor(n / 2);
}
