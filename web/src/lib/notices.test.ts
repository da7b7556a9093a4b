import assert from 'node:assert/strict';
import {test} from 'node:test';

import type {MirrorState} from './api';
import {logState, noticesOf} from './notices';
import type {Pin} from './pin';

const NOW = 1_800_000_000_000;
const well: MirrorState = {url: 'http://gpu:8001', origin: 'a', vkey: 'a+1', size: 7, problem: '', diverged: false, last_contact_unix_us: NOW * 1000};
const pin: Pin = {vkey: 'a+1', since_ms: NOW, size: 5, root: ''};
const titles = (log: MirrorState, known?: Pin) => noticesOf([log], () => known, undefined, NOW).map(notice => notice.title);

test('where all is well nothing is said', () => {
  assert.deepEqual(titles(well), []);
  assert.deepEqual(titles(well, pin), []);
  assert.deepEqual(noticesOf(undefined, () => undefined, undefined, NOW), []);
});

test('a store that is silent or mirrors nothing is told', () => {
  assert.deepEqual(noticesOf([well], () => pin, NOW, NOW).map(notice => notice.title), ['The store does not answer']);
  assert.deepEqual(noticesOf([], () => pin, undefined, NOW).map(notice => notice.title), ['This store mirrors no log']);
});

test('a log that is not reached, never was, was rewritten or has another key is told apart', () => {
  assert.deepEqual(titles({...well, problem: 'refused'}, pin), ['The log cannot be reached']);
  assert.deepEqual(titles({...well, problem: 'refused', size: 0, origin: '', vkey: '', last_contact_unix_us: 0}), ['The log was never reached']);
  assert.deepEqual(titles({...well, problem: 'root differs', diverged: true}, pin), ['The log was rewritten']);
  assert.deepEqual(titles({...well, vkey: 'a+2'}, pin), ['The log has another key']);
  assert.equal(logState({...well, vkey: 'a+2', problem: 'refused'}, pin), 'other key');
});

test('both keys are named, and the log whose pin may be forgotten', () => {
  const [notice] = noticesOf([{...well, vkey: 'a+2'}], () => pin, undefined, NOW);
  assert.deepEqual(notice.keys, {origin: 'a', pinned: 'a+1', shown: 'a+2'});
});
