import assert from 'node:assert/strict';
import {test} from 'node:test';

import {toBase64, toHex} from './bytes';
import {openNote, parseCheckpoint, parseTlogProof, parseVerifierKey} from './note';

// From the documentation of Go's golang.org/x/mod/sumdb/note.
const VKEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const TEXT = 'If you think cryptography is the answer to your problem,\nthen you don\'t know what your problem is.\n';
const SIGNATURE = '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
const NOTE = `${TEXT}\n${SIGNATURE}`;

test('a note that another implementation signed is opened', async () => {
  assert.equal(await openNote(NOTE, await parseVerifierKey(VKEY)), TEXT);
});

test('signatures of others beside ours are passed over', async () => {
  const key = await parseVerifierKey(VKEY);
  assert.equal(await openNote(`${TEXT}\n— witness AAAAAAAA\n${SIGNATURE}`, key), TEXT);
  await assert.rejects(openNote(`${TEXT}\n— witness AAAAAAAA\n`, key), /no signature by the key PeterNeumann/);
});

test('a changed text, a changed signature and a cut note are told', async () => {
  const key = await parseVerifierKey(VKEY);
  await assert.rejects(openNote(NOTE.replace('answer', 'Answer'), key), /signature under the checkpoint is wrong/);
  await assert.rejects(openNote(NOTE.replace('BwJnAM=', 'BwJnAc='), key), /signature under the checkpoint is wrong/);
  await assert.rejects(openNote(NOTE.slice(0, -1), key), /no signed note/);
  await assert.rejects(openNote(TEXT, key), /no signed note/);
  await assert.rejects(openNote(`${TEXT}\nPeterNeumann\n`, key), /malformed/);
});

test('a key that does not fit its id is refused', async () => {
  await assert.rejects(parseVerifierKey(VKEY.replace('c74f20a3', 'c74f20a4')), /does not fit its own id/);
  await assert.rejects(parseVerifierKey(VKEY.replace('PeterNeumann', 'Peter')), /does not fit its own id/);
  await assert.rejects(parseVerifierKey('PeterNeumann+c74f20a3'), /form name\+id\+key/);
  await assert.rejects(parseVerifierKey('PeterNeumann+c74f20a3+Alpc2QcU'), /no Ed25519 key/);
});

test('a checkpoint is origin, size and root', () => {
  const root = 'NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=';
  const checkpoint = parseCheckpoint(`example.org/log\n3\n${root}\nmore\n`);
  assert.deepEqual([checkpoint.origin, checkpoint.size, toBase64(checkpoint.root)], ['example.org/log', 3, root]);
  assert.equal(toHex(checkpoint.root), '36642e73c2540ab121e3a6bf9545b0a24982cd830eb13d3cd19de3ce6c021ec1');
  for (const size of ['03', '-1', '', '9007199254740993']) {
    assert.throws(() => parseCheckpoint(`example.org/log\n${size}\n${root}\n`), /size is no number/, size);
  }
  assert.throws(() => parseCheckpoint('example.org/log\n3\nAAAA\n'), /32 bytes/);
});

test('a proof is index, hashes and a note', () => {
  const hash = 'NmQuc8JUCrEh46a/lUWwokmCzYMOsT080Z3jzmwCHsE=';
  const proof = parseTlogProof(`c2sp.org/tlog-proof@v1\nextra AAAA\nindex 7\n${hash}\n${hash}\n\n${NOTE}`);
  assert.deepEqual([proof.index, proof.hashes.map(toBase64), proof.note], [7, [hash, hash], NOTE]);
  assert.throws(() => parseTlogProof(`c2sp.org/tlog-proof@v2\nindex 7\n\n${NOTE}`), /no c2sp.org\/tlog-proof@v1/);
  assert.throws(() => parseTlogProof(`c2sp.org/tlog-proof@v1\nindex x\n\n${NOTE}`), /index is no number/);
  assert.throws(() => parseTlogProof(`c2sp.org/tlog-proof@v1\nindex 7\nAAAA\n\n${NOTE}`), /malformed/);
  assert.throws(() => parseTlogProof('c2sp.org/tlog-proof@v1\nindex 7'), /cut off/);
});
