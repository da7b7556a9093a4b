import assert from 'node:assert/strict';
import {test} from 'node:test';

import {equal, fromBase64, fromHex, join, sha256, toBase64, toHex, utf8} from './bytes';

test('bytes go to text and back', () => {
  const bytes = Uint8Array.of(0, 1, 254, 255);
  assert.equal(toHex(bytes), '0001feff');
  assert.ok(equal(fromHex('0001feff'), bytes));
  assert.equal(toBase64(bytes), 'AAH+/w==');
  assert.ok(equal(fromBase64('AAH+/w=='), bytes));
  assert.ok(equal(join(utf8('a'), utf8('b')), utf8('ab')));
});

test('other forms of the same bytes are refused', () => {
  for (const text of ['AAH+/w', 'AAH+/x==', 'AAH+ /w==', '!']) assert.throws(() => fromBase64(text), text);
  for (const text of ['0', '0G', 'FF']) assert.throws(() => fromHex(text), text);
});

test('SHA-256 of nothing is the known one', async () => {
  assert.equal(toHex(await sha256(utf8(''))), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
});
