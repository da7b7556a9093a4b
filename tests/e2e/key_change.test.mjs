// What the page says of a log whose key was changed: to a browser that knew it before, and where somebody else did it.
import assert from 'node:assert/strict';
import {cpSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';

import {assertTidy, beleg, open, PICTURES, proof, row, Serve, startBrowser, Store, waitFor} from './stack.mjs';

let serve, store, browser;
before(async () => {
  [serve, browser] = await Promise.all([Serve.make('replay', '--origin', 'beleg-rotated'), startBrowser()]);
  store = await Store.make('--ledger', serve.ledger);
  await Promise.all([serve.start(), store.start()]);
});
after(async () => {
  await browser?.close();
  await Promise.all([serve, store].map(part => part?.stop()));
});

const ledger = () => join(serve.folder, 'ledger');
const stolen = () => join(serve.folder, 'stolen');
const vkeyNow = async () => (await (await fetch(`${store.url}/api/ledger`)).json()).mirrors[0].vkey;
const otherKey = tab => tab.getByRole('alert').filter({has: tab.getByRole('heading', {name: 'The log has another key'})});

// Without an overlap, so that the old key signs nothing more.
function rotate(folder) {
  const done = beleg('ledger', 'rotate-key', '--ledger', folder, '--overlap', '0');
  assert.equal(done.status, 0, done.said);
}

async function rotateRunning() {
  const old = await vkeyNow();
  await serve.end('SIGTERM');
  rotate(ledger());
  await serve.start();
  await waitFor(async () => await vkeyNow() !== old, 'the new key at the store');
}

// A tab of a browser that has seen the log, and pinned its key, by this request's proof.
async function openPinned(id) {
  const tab = await open(browser, `${store.url}/#/request/${id}`);
  await proof(tab).getByText('proof verified').waitFor();
  await proof(tab).getByText('pinned here').waitFor();
  return tab;
}

async function openRequest(tab, id) {
  await tab.goto(`${store.url}/#/`);
  await tab.locator(`${row(id)} a`).click();
}

const changeIt = tab => tab.route('**/keys/001.tlog-proof', async route => {
  const text = await (await route.fetch()).text();
  const [, extra] = /^extra (.*)$/m.exec(text);
  const record = Buffer.from(extra, 'base64').toString().replace('"reason":"rotation"', '"reason":"Rotation"');
  await route.fulfill({body: text.replace(extra, Buffer.from(record).toString('base64'))});
});

test('records of before and after a change of the key turn green, and no proof by a forged change does', async () => {
  const {id: old} = await serve.chat('hello REPLAY:TOKENS=11');
  const [tab, misled] = await Promise.all([openPinned(old), openPinned(old)]);
  await changeIt(misled);
  await serve.end('SIGTERM');
  cpSync(ledger(), stolen(), {recursive: true});
  await serve.start();
  await rotateRunning();
  const {id} = await serve.chat('hello REPLAY:TOKENS=12');

  for (const one of [old, id]) {
    await openRequest(tab, one);
    await proof(tab).getByText('proof verified').waitFor();
    assert.match(await proof(tab).innerText(), /the one pinned here before vouches for this one/);
    assert.equal(await otherKey(tab).count(), 0);
  }
  await assertTidy(tab);
  await tab.screenshot({path: join(PICTURES, 'request-key-changed.png'), fullPage: true});

  for (const one of [old, id]) {
    await openRequest(misled, one);
    await proof(misled).getByText('proof does not hold').waitFor();
    assert.match(await proof(misled).innerText(), /proof 1 of a change of the log's key: the record of the key does not lead to the signed root/i);
    await otherKey(misled).waitFor();
  }
  await assertTidy(misled);
  await misled.screenshot({path: join(PICTURES, 'request-key-forged.png'), fullPage: true});
  await misled.unrouteAll({behavior: 'wait'});
  await misled.reload();
  await proof(misled).getByText('proof verified').waitFor();
  await Promise.all([tab.finish(), misled.finish()]);
});

test('two changes that a browser has not seen lead on one after the other', async () => {
  const {id: old} = await serve.chat('hello REPLAY:TOKENS=13');
  const tab = await openPinned(old);
  await rotateRunning();
  await rotateRunning();
  const {id} = await serve.chat('hello REPLAY:TOKENS=14');
  for (const one of [old, id]) {
    await openRequest(tab, one);
    await proof(tab).getByText('proof verified').waitFor();
  }
  await tab.finish();
});

// Last, for the log is another afterwards.
test('a log that the thief of a former key has rotated turns red', async () => {
  const {id: before} = await serve.chat('hello REPLAY:TOKENS=15');
  const tab = await openPinned(before);
  await Promise.all([serve, store].map(part => part.end('SIGTERM')));
  rmSync(ledger(), {recursive: true});
  rmSync(join(store.folder, 'store'), {recursive: true});
  rotate(stolen());
  cpSync(stolen(), ledger(), {recursive: true});
  await Promise.all([serve.start(), store.start()]);
  const {id} = await serve.chat('hello REPLAY:TOKENS=16');
  await openRequest(tab, id);
  await proof(tab).getByText('proof does not hold').waitFor();
  assert.match(await proof(tab).innerText(), /another key than the one this browser saw first, on .* no proof of a change leads from that one to it/);
  assert.equal(await tab.getByText('proof verified').count(), 0);
  await otherKey(tab).waitFor();
  await tab.screenshot({path: join(PICTURES, 'request-key-stolen.png'), fullPage: true});
  await tab.finish();
});
