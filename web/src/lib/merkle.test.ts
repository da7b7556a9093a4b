import assert from 'node:assert/strict';
import {test} from 'node:test';

import {type Bytes, toHex, utf8} from './bytes';
import {leafHash, nodeHash, rootOfInclusion} from './merkle';

// RFC 6962 §2.1, written from its text and apart from the code under test.
async function treeHash(leaves: Bytes[]): Promise<Bytes> {
  if (leaves.length === 1) return leafHash(leaves[0]);
  const split = largestPowerBelow(leaves.length);
  return nodeHash(await treeHash(leaves.slice(0, split)), await treeHash(leaves.slice(split)));
}
async function path(index: number, leaves: Bytes[]): Promise<Bytes[]> {
  if (leaves.length === 1) return [];
  const split = largestPowerBelow(leaves.length), left = leaves.slice(0, split), right = leaves.slice(split);
  return index < split ? [...await path(index, left), await treeHash(right)]
                       : [...await path(index - split, right), await treeHash(left)];
}
function largestPowerBelow(n: number): number {
  let power = 1;
  while (power * 2 < n) power *= 2;
  return power;
}

test('hashes are those of other implementations', async () => {
  assert.equal(toHex(await leafHash(utf8('a'))), '022a6979e6dab7aa5ae4c3e5e45f7e977112a7e63593820dbec1ec738a24f93c');
  assert.equal(toHex(await treeHash(['a', 'b', 'c'].map(utf8))), '36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1');
  const numbers = Array.from({length: 256}, (_, i) => Uint8Array.of(0, i));
  assert.equal(toHex(await treeHash(numbers)), '16284532241f522a3fba7a0ae0863cb456ad381219176c2d424516ac230e3110');
});

test('each leaf of trees of every size up to 20 leads to the root', async () => {
  for (let size = 1; size <= 20; ++size) {
    const leaves = Array.from({length: size}, (_, i) => utf8(`leaf ${i}`));
    const root = toHex(await treeHash(leaves));
    for (let index = 0; index < size; ++index) {
      const proof = await path(index, leaves);
      assert.equal(toHex(await rootOfInclusion(await leafHash(leaves[index]), index, size, proof)), root, `${index} of ${size}`);
    }
  }
});

test('another leaf, index or hash leads elsewhere', async () => {
  const leaves = Array.from({length: 7}, (_, i) => utf8(`leaf ${i}`)), root = toHex(await treeHash(leaves));
  const proof = await path(2, leaves), leaf = await leafHash(leaves[2]);
  assert.notEqual(toHex(await rootOfInclusion(await leafHash(utf8('other')), 2, 7, proof)), root);
  assert.notEqual(toHex(await rootOfInclusion(leaf, 3, 7, proof)), root);
  assert.notEqual(toHex(await rootOfInclusion(leaf, 2, 7, [proof[1], proof[0], proof[2]])), root);
});

test('too many and too few hashes are told', async () => {
  const leaf = await leafHash(utf8('a'));
  await assert.rejects(rootOfInclusion(leaf, 0, 1, [leaf]), /too many/);
  await assert.rejects(rootOfInclusion(leaf, 0, 2, []), /too few/);
  await assert.rejects(rootOfInclusion(leaf, 2, 2, [leaf]), /leaf 2 of a tree of 2/);
});
