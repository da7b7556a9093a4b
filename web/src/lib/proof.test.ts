import assert from 'node:assert/strict';
import {test} from 'node:test';

import type {AuditRecord, Evidence} from './api';
import sample from './evidence.json';  // what a store answered
import {fromBase64, toBase64, utf8} from './bytes';
import {forget, readPin} from './pin';
import {requestIdOf, type Verdict, verify} from './proof';

class FakeMemory {
  readonly values = new Map<string, string>();
  getItem(key: string) { return this.values.get(key) ?? null; }
  setItem(key: string, value: string) { this.values.set(key, value); }
  removeItem(key: string) { this.values.delete(key); }
}

const NOW = 1_800_000_000_000;
const check = (changes: Partial<Evidence> = {}, memory = new FakeMemory(), id = sample.request_id) =>
  verify(id, {...sample.evidence, ...changes}, async () => [], memory, NOW);
const reason = (verdict: Verdict) => verdict.state === 'verified' ? 'verified' : verdict.reason;
const otherEntry = (from: string, to: string) =>
  toBase64(utf8(new TextDecoder().decode(fromBase64(sample.evidence.entry_base64)).replace(from, to)));

test('a store\'s evidence is verified and its key pinned at first sight', async () => {
  const memory = new FakeMemory();
  const first = await check({}, memory);
  assert.equal(first.state, 'verified', reason(first));
  assert.ok(first.state === 'verified' && first.firstSight && first.record.type === 'request' && first.steps.length === 3);
  assert.deepEqual([readPin(memory, sample.evidence.origin)?.vkey, readPin(memory, sample.evidence.origin)?.since_ms], [sample.evidence.vkey, NOW]);
  const second = await check({}, memory);
  assert.ok(second.state === 'verified' && !second.firstSight);
});

test('one changed byte of the record is seen', async () => {
  assert.match(reason(await check({entry_base64: otherEntry('"status":200', '"status":500')})), /do not lead to the signed root/);
  assert.match(reason(await check({entry_base64: toBase64(utf8('no record'))})), /JSON/);
});

test('the record of another request is not taken for this one', async () => {
  assert.match(reason(await check({}, new FakeMemory(), 'chatcmpl-00000000000000000000000000000000')), /another request/);
  assert.match(reason(await check({entry_base64: otherEntry('"seq":', '"seq":1')})), /another request/);
});

test('another key than the pinned one is refused before anything else of it is believed', async () => {
  const memory = new FakeMemory();
  await check({}, memory);
  const other = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
  assert.match(reason(await check({vkey: other}, memory)), /another key than the one this browser saw first, on 2027-01-15/);
  assert.match(reason(await check({vkey: other})), /no signature by the key PeterNeumann/);
  forget(memory, sample.evidence.origin);
  const anew = await check({}, memory);
  assert.ok(anew.state === 'verified' && anew.firstSight);
});

test('evidence under the name of another log does not get round the pin', async () => {
  const memory = new FakeMemory();
  assert.match(reason(await check({origin: 'beleg-0000000000000000'}, memory)), /not of beleg-0000000000000000/);
  assert.equal(memory.values.size, 0);
});

test('a changed proof is seen', async () => {
  const {proof} = sample.evidence;
  assert.match(reason(await check({proof: proof.replace(/index \d+/, 'index 0')})), /lead to the signed root/);
  const size = /^\d+$/m.exec(proof.slice(proof.indexOf('\n\n')))![0];
  assert.match(reason(await check({proof: proof.replace(`\n${size}\n`, `\n${Number(size) + 1}\n`)})), /signature under the checkpoint is wrong/);
});

test('a log that became shorter or another since the last look is seen', async () => {
  const memory = new FakeMemory();
  await check({}, memory);
  const name = `beleg.log.${sample.evidence.origin}`, pin = JSON.parse(memory.values.get(name)!);
  memory.setItem(name, JSON.stringify({...pin, size: pin.size + 1}));
  assert.match(reason(await check({}, memory)), /leaves when this browser last looked, and has/);
  memory.setItem(name, JSON.stringify({...pin, root: toBase64(new Uint8Array(32))}));
  assert.match(reason(await check({}, memory)), /another root/);
});

test('request ids are those of docs/formats/record.md', async () => {
  const record = {boot: 'b0b1b2b3b4b5b6b7', seq: 48213, trace_id: '0102030405060708090a0b0c0d0e0f10'} as AuditRecord;
  assert.equal(await requestIdOf(record), '5c17e60620ac1e188f4a25a7c84dd47f');
  assert.equal(await requestIdOf({...record, boot: '0000000000000000', begun_boot: 'b0b1b2b3b4b5b6b7'}), '5c17e60620ac1e188f4a25a7c84dd47f');
});
