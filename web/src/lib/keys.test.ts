import assert from 'node:assert/strict';
import {test} from 'node:test';

import {type Bytes, join, sha256, toBase64, toHex, utf8} from './bytes';
import {keysFrom, keyToUse} from './keys';
import {leafHash} from './merkle';
import type {Pin} from './pin';

const ORIGIN = 'example.org/log';

interface TestKey {
  vkey: string;
  sign: (text: string) => Promise<string>;  // a signature line
}

async function makeKey(origin = ORIGIN): Promise<TestKey> {
  const pair = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']) as CryptoKeyPair;
  const typed = join(Uint8Array.of(1), new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
  const id = (await sha256(join(utf8(`${origin}\n`), typed))).slice(0, 4) as Bytes;
  return {
    vkey: `${origin}+${toHex(id)}+${toBase64(typed)}`,
    sign: async text => {
      const signature = new Uint8Array(await crypto.subtle.sign('Ed25519', pair.privateKey, utf8(text)));
      return `— ${origin} ${toBase64(join(id, signature))}\n`;
    },
  };
}

// The proof of a change in a log of one leaf. replaces undefined: as older programs wrote it.
async function proofOf(key: TestKey, replaces: TestKey | undefined, signers: TestKey[]): Promise<string> {
  const record = utf8(JSON.stringify({reason: 'rotation', replaces: replaces?.vkey, type: 'key', vkey: key.vkey}));
  const text = `${ORIGIN}\n1\n${toBase64(await leafHash(record))}\n`;
  const lines = await Promise.all(signers.map(signer => signer.sign(text)));
  return `c2sp.org/tlog-proof@v1\nextra ${toBase64(record)}\nindex 0\n\n${text}\n${lines.join('')}`;
}

const [first, second, third, evil] = await Promise.all([makeKey(), makeKey(), makeKey(), makeKey()]);
const changes = await Promise.all([proofOf(second, first, [first, second]), proofOf(third, second, [second, third])]);

test('a key leads to those after it, in whatever order the proofs come', async () => {
  for (const proofs of [changes, [...changes].reverse()]) {
    assert.deepEqual(await keysFrom(first.vkey, proofs), [first.vkey, second.vkey, third.vkey]);
    assert.deepEqual(await keysFrom(second.vkey, proofs), [second.vkey, third.vkey]);
    assert.deepEqual(await keysFrom(third.vkey, proofs), [third.vkey]);
    assert.deepEqual(await keysFrom(evil.vkey, proofs), [evil.vkey]);
  }
});

test('a key that the pinned one does not sign for is not followed', async () => {
  for (const signers of [[evil], [first], [second, evil]]) {
    assert.deepEqual(await keysFrom(first.vkey, [await proofOf(evil, first, signers)]), [first.vkey]);
  }
});

test('the thief of a former key misleads nobody who is past it, and is told to the others', async () => {
  const proofs = [await proofOf(evil, first, [first, evil]), ...changes];
  assert.deepEqual(await keysFrom(second.vkey, proofs), [second.vkey, third.vkey]);
  await assert.rejects(keysFrom(first.vkey, proofs), /vouches for two others: one of them is forged/);
});

test('records that name no former key lead on by its signature, where no others do', async () => {
  const old = await proofOf(second, undefined, [first]);
  assert.deepEqual(await keysFrom(first.vkey, [old]), [first.vkey, second.vkey]);
  assert.deepEqual(await keysFrom(first.vkey, [await proofOf(evil, undefined, [first]), ...changes]), [first.vkey, second.vkey, third.vkey]);
});

test('what is bent is told with its number', async () => {
  const bent = changes[1].replace(/^extra .*$/m, `extra ${toBase64(utf8(JSON.stringify({type: 'key', vkey: evil.vkey, replaces: second.vkey})))}`);
  await assert.rejects(keysFrom(first.vkey, [changes[0], bent]), /proof 2 of a change of the log's key: the record of the key does not lead to the signed root/);
  const [, signature] = /^— \S+ (\S+)$/m.exec(changes[0])!;
  const other = changes[0].replace(signature.slice(20, 24), signature.slice(20, 24) === 'AAAA' ? 'BBBB' : 'AAAA');
  await assert.rejects(keysFrom(first.vkey, [other]), /signature under the checkpoint is wrong/);
  await assert.rejects(keysFrom(first.vkey, ['c2sp.org/tlog-proof@v1\nindex 0\n\nx']), /proof 1 .*no record of a key/);
  const stranger = await makeKey('example.org/other');
  await assert.rejects(keysFrom(first.vkey, [await proofOf(stranger, first, [first, stranger])]), /names a key of example.org\/other/);
});

test('the pinned key is used, or the one that it leads to', async () => {
  const pin: Pin = {vkey: first.vkey, since_ms: 1_800_000_000_000, size: 1, root: ''};
  const never = () => assert.fail('no proofs are asked for');
  assert.equal(await keyToUse(undefined, evil.vkey, never), evil.vkey);
  assert.equal(await keyToUse(pin, first.vkey, never), first.vkey);
  assert.equal(await keyToUse(pin, third.vkey, async () => changes), third.vkey);
  await assert.rejects(keyToUse(pin, evil.vkey, async () => changes), /another key than the one this browser saw first, on 2027-01-15.* no proof of a change leads/);
});
