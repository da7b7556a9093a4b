// What the page says when a part of beleg is away, and when a request ends otherwise than well. At first there is a store, and no
// server; each test says which of them it wants to run. The browser's tab is one and the same, so that it has to find its way back.
import assert from 'node:assert/strict';
import {join} from 'node:path';
import {after, before, test} from 'node:test';

import {assertTidy, forgetData, open, PICTURES, proof, row, Serve, startBrowser, Store, waitFor} from './stack.mjs';

const LONG = 'mistral-small-3.2-24b-instruct-2506-of-the-department-for-very-long-names-q4_k_m';
let serve, store, browser, tab;
before(async () => {
  [serve, browser] = await Promise.all([Serve.make(LONG, '--origin', 'beleg-outages'), startBrowser()]);
  store = await Store.make('--ledger', serve.ledger);
  await store.start();
  tab = await open(browser, store.url, {height: 800});
});
after(async () => {
  await browser?.close();
  await Promise.all([serve, store].map(part => part?.stop()));
});

const notice = title => tab.getByRole('alert').filter({has: tab.getByRole('heading', {name: title})});

// Both run, and the tab shows the list and nothing to complain of.
async function allWell() {
  await Promise.all([serve, store].map(part => part.running || part.start()));
  await tab.goto(`${store.url}/#/`);
  await tab.locator('header').getByText('up to date').waitFor();
  await noWarning();
}

function noWarning() {
  return waitFor(async () => await tab.getByRole('alert').count() === 0, 'no warning');
}

async function picture(name) {
  for (const [width, colorScheme] of [[1280, 'light'], [400, 'dark']]) {
    await tab.setViewportSize({width, height: 800});
    await tab.emulateMedia({colorScheme});
    await assertTidy(tab);
    await tab.screenshot({path: join(PICTURES, `${name}-${width}-${colorScheme}.png`)});
  }
  await tab.setViewportSize({width: 1280, height: 800});
  await tab.emulateMedia({colorScheme: 'light'});
}

test('a log that was never reached is told, with what to look for', async () => {
  await notice('The log was never reached').getByText('beleg serve').waitFor();
  await tab.getByText('No requests yet').waitFor();
  await picture('never-reached');
});

test('once the server runs the warning goes, and the page says how to send a first request', async () => {
  await allWell();
  await tab.locator('tbody').getByText(/No requests yet.*beleg audit check/).waitFor();
  await picture('no-requests');
});

test('a log that fell silent is told, with when and what is still there', async () => {
  await allWell();
  const {id} = await serve.chat('hello');
  await tab.locator(row(id)).waitFor();
  await serve.end('SIGKILL');
  await notice('The log cannot be reached').getByText(/last reached [-\d ]*\d\d:\d\d:\d\d\..*leaves that are here/).waitFor();
  await tab.locator('header').getByText('not reached').waitFor();
  await picture('log-silent');
  await tab.locator(`${row(id)} a`).click();
  await proof(tab).getByText('proof verified').waitFor();
});

test('lost, failed, refused and cancelled requests are shown as such, under a long name', async () => {
  await allWell();
  await serve.beginStream();
  await serve.end('SIGKILL');
  await allWell();
  const cut = await serve.beginStream();
  cut();
  await serve.chat('hello');
  await serve.chat('hello', {model: 'none'});
  await serve.chat('hello REPLAY:FAIL_AT=3');
  for (const outcome of ['ok', 'lost', 'failed', 'refused', 'cancelled']) await tab.locator(`tbody .outcome.${outcome}`).first().waitFor();
  await picture('outcomes');
  for (const outcome of ['lost', 'failed', 'refused', 'cancelled']) {
    await tab.locator(`tr:has(.outcome.${outcome}) a`).first().click();
    await proof(tab).getByText('proof verified').waitFor();
    await tab.locator(`.outcome.${outcome}`).waitFor();
    await waitFor(() => tab.locator('svg[aria-label^="Spans"] rect.error').count(), `a red span of what is ${outcome}`);
    await picture(`request-${outcome}`);
    await tab.goBack();
  }
});

test('a store that does not answer is told, and the page goes on when it is back', async () => {
  await allWell();
  await store.end('SIGKILL');
  await notice('The store does not answer').waitFor();
  await tab.locator('header').getByText('unknown').waitFor();
  await picture('store-silent');
  await store.start();
  const {id} = await serve.chat('hello');
  await tab.locator(row(id)).waitFor();
  await noWarning();
});

test('a log of the same name with another key is loud, until a person believes it', async () => {
  await allWell();
  const {id: before} = await serve.chat('hello');
  await tab.locator(`${row(before)} a`).click();
  await proof(tab).getByText('proof verified').waitFor();
  await tab.goBack();
  await Promise.all([serve, store].map(part => part.end('SIGTERM')));
  [serve, store].forEach(forgetData);
  await serve.start();
  await store.start();
  await notice('The log has another key').waitFor();
  await tab.locator('header').getByText('other key').waitFor();
  const {id} = await serve.chat('hello');
  await tab.locator(`${row(id)} a`).click();
  await proof(tab).getByText('proof does not hold').waitFor();
  assert.match(await proof(tab).innerText(), /another key than the one this browser saw first/);
  await picture('other-key');
  await tab.getByRole('button', {name: 'forget the old one'}).click();
  await proof(tab).getByText('seen for the first time and is now pinned').waitFor();
  await noWarning();
  await tab.finish();
});
