import assert from 'node:assert/strict';
import {mkdtempSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {after, before, test} from 'node:test';

import {assertTidy, beleg, open, PICTURES, proof, row, startBoth, startBrowser, Store, waitFor} from './stack.mjs';

let serve, store, browser;
before(async () => {
  [{serve, store}, browser] = await Promise.all([startBoth({region: 'hetzner-nbg1-eu'}), startBrowser()]);
});
after(async () => {
  await browser?.close();
  await Promise.all([serve, store].map(part => part?.stop()));
});

test('a request made while one looks appears in the list, with units', async () => {
  const tab = await open(browser, store.url);
  await tab.getByText('Requests', {exact: true}).first().waitFor();
  const {id} = await serve.chat('What is a receipt? REPLAY:TOKENS=20 REPLAY:DELAY_MS=5');
  await tab.locator(row(id)).waitFor();
  const text = (await tab.locator(row(id)).innerText()).replaceAll('\u202f', ' ');
  assert.match(text, /\d\d:\d\d:\d\d\s+ok\s+replay\s+chat\s+9 → 20 tok\s+[\d.]+ (µs|ms|s)\s+[\d.]+ (ms|s)\s+\d+/);
  const wanted = /replay[\s\S]*hetzner-nbg1-eu[\s\S]*beleg-[0-9a-f]{16}[\s\S]*\d\sleaves[\s\S]*up to date/;
  await waitFor(async () => wanted.test(await tab.locator('header').innerText()), 'model, region and log in the header');
  await tab.finish();
});

test('charts show the rates of buckets that are over', async () => {
  const tab = await open(browser, store.url);
  await tab.getByRole('button', {name: '5 min', exact: true}).click();
  const chart = tab.getByRole('figure', {name: /^Time to first token: median [\d.]+\s(µs|ms|s)/});
  await waitFor(async () => {
    await serve.chat('hello');
    return chart.count();
  }, 'a median');
  await tab.getByRole('figure', {name: /^Requests: ok [\d.]+\sreq\/s, not ok [\d.]+/}).waitFor();
  await tab.getByRole('figure', {name: /^Tokens: output [\d.]+\stok\/s, input [\d.]+/}).waitFor();
  await tab.finish();
});

test('what the collector scraped is drawn where the store has it', async () => {
  const tab = await open(browser, store.url, {height: 800});
  await tab.getByRole('figure', {name: /^Requests: /}).waitFor();
  assert.equal(await tab.getByRole('figure', {name: /^KV cache/}).count(), 0);
  const asked = [];
  await tab.route('**/api/metrics?*', route => {
    const query = new URL(route.request().url()).searchParams;
    const [start, end, step] = ['start', 'end', 'step'].map(name => Number(query.get(name)));
    asked.push(query.get('name'));
    const value = {'vllm:num_requests_running': 5, 'vllm:num_requests_waiting': 2, 'vllm:kv_cache_usage_perc': 0.375}[query.get('name')];
    const points = [];
    for (let at = start; at < end; at += 3 * step) points.push({time_unix_us: at * 1000, value: value * (1 + Math.sin(at / 60_000)) / 2});
    points.push({time_unix_us: end * 1000, value});
    return route.fulfill({json: {name: query.get('name'), series: [{service: 'vllm', attributes: {model_name: 'replay'}, points}]}});
  });
  await tab.reload();
  await tab.getByRole('figure', {name: /^Requests in the server: running 5\sreq, waiting 2\sreq/}).waitFor();
  await tab.getByRole('figure', {name: /^KV cache: in use 37\.5\s%/}).waitFor();
  assert.equal(new Set(asked).size, 3);
  await assertTidy(tab);
  await tab.screenshot({path: join(PICTURES, 'metrics.png')});
  await tab.finish();
});

test('the list can be narrowed to an outcome', async () => {
  const {id} = await serve.chat('hello');
  await serve.chat('hello', {model: 'none'});
  await serve.chat('hello REPLAY:FAIL_AT=2');
  const tab = await open(browser, store.url);
  await tab.locator(row(id)).waitFor();
  for (const [outcome, reason] of [['refused', 'model_not_found'], ['failed', 'engine_error']]) {
    await tab.getByRole('button', {name: outcome}).click();
    await tab.getByText(reason).first().waitFor();
    assert.equal(await tab.locator(row(id)).count(), 0);
    assert.equal(await tab.locator(`tbody .outcome:not(.${outcome})`).count(), 0);
  }
  await tab.getByRole('button', {name: 'lost'}).click();
  await tab.getByText('No request ended lost.').waitFor();
  await tab.finish();
});

test('older requests come on demand', async () => {
  await Promise.all(Array.from({length: 60}, (_, i) => serve.chat(`number ${i}`)));
  const tab = await open(browser, store.url);
  await waitFor(async () => await tab.locator('tbody tr').count() === 50, 'the first page');
  await tab.getByRole('button', {name: 'Older requests'}).click();
  await waitFor(async () => await tab.locator('tbody tr').count() > 60, 'the second page');
  const ids = await tab.locator('tbody a').evaluateAll(links => links.map(link => link.href));
  assert.equal(new Set(ids).size, ids.length);
  await assertTidy(tab);
  await tab.screenshot({path: join(PICTURES, 'list-long.png'), fullPage: true});
  await tab.finish();
});

test('one request opens by keyboard, with spans, record and a proof that turns green', async () => {
  const {id} = await serve.chat('hello REPLAY:TOKENS=30 REPLAY:DELAY_MS=3', {temperature: 0.7});
  const tab = await open(browser, store.url);
  await tab.locator(`${row(id)} a`).focus();
  await tab.keyboard.press('Enter');
  await proof(tab).getByText('proof verified').waitFor();
  assert.match(await proof(tab).innerText(), /seen for the first time and is now pinned here/);
  await tab.getByRole('img', {name: /^Spans: chat replay [\d.]+\sm?s, queue .*, prefill .*, decode/}).waitFor();
  const record = (await tab.locator('[aria-label="Record"]').innerText()).replaceAll('\u202f', ' ');
  for (const wanted of [/Output\s+30 tokens/, /HTTP status\s+200/, /Temperature\s+0.7/, /Duration\s+[\d.]+ m?s/, /Model\s+replay/]) assert.match(record, wanted);
  await assertTidy(tab);
  await tab.screenshot({path: join(PICTURES, 'request.png'), fullPage: true});
  await tab.reload();
  await proof(tab).getByText('The key is the one pinned here since').waitFor();
  assert.equal(await tab.title(), `${id} – beleg`);
  assert.equal(await tab.evaluate(() => document.activeElement.tagName), 'H1');
  await tab.finish();
});

test('what is reached by keyboard shows that it has the focus', async () => {
  const {id} = await serve.chat('hello');
  const tab = await open(browser, store.url);
  await tab.locator(row(id)).waitFor();
  const reached = new Set();
  for (let i = 0; i < 16; ++i) {
    await tab.keyboard.press('Tab');
    reached.add(await tab.evaluate(() => {
      const at = document.activeElement, shown = at.closest('tr') ?? at;
      const {outlineStyle, outlineWidth} = getComputedStyle(shown);
      return `${shown.tagName} ${outlineStyle} ${outlineWidth}`;
    }));
  }
  assert.deepEqual([...reached].sort(), ['A solid 2px', 'BUTTON solid 2px', 'TR solid 2px']);
  await tab.screenshot({path: join(PICTURES, 'focus.png')});
  await tab.finish();
});

for (const host of ['127.0.0.1', 'page.test']) {
  test(`the files that ${host} saves are verified by beleg audit verify`, async () => {
    const {id} = await serve.chat('hello REPLAY:TOKENS=12');
    const tab = await open(browser, `${store.url.replace('127.0.0.1', host)}/#/request/${id}`);
    const folder = mkdtempSync(join(store.folder, 'saved-'));
    for (const ending of ['tlog-proof', 'json']) {
      const [download] = await Promise.all([tab.waitForEvent('download'), tab.getByRole('button', {name: `.${ending}`}).click()]);
      await download.saveAs(join(folder, download.suggestedFilename()));
    }
    const {vkey} = await (await fetch(`${store.url}/api/records/${id}`)).json();
    const file = join(folder, `${id.replace('chatcmpl-', '')}.tlog-proof`);
    const good = beleg('audit', 'verify', file, '--vkey', vkey);
    assert.equal(good.status, 0, good.said);
    changeByte(folder, '"output_tokens":12', '"output_tokens":13');
    assert.equal(beleg('audit', 'verify', file, '--vkey', vkey).status, 1);
    await tab.finish();
  });
}

for (const [width, colorScheme] of [[1280, 'light'], [1280, 'dark'], [400, 'light'], [400, 'dark'], [320, 'light']]) {
  test(`nothing overflows at ${width} px, ${colorScheme}`, async () => {
    const {id} = await serve.chat('hello REPLAY:TOKENS=9', {model: 'replay'});
    const tab = await open(browser, store.url, {width, height: 800, colorScheme});
    await tab.locator(row(id)).waitFor();
    await assertTidy(tab);
    await tab.screenshot({path: join(PICTURES, `list-${width}-${colorScheme}.png`)});
    await tab.locator(`${row(id)} a`).click();
    await proof(tab).getByText('proof verified').waitFor();
    await tab.locator('svg[aria-label^="Spans"]').waitFor();
    await tab.locator('summary').click();
    await assertTidy(tab);
    await tab.screenshot({path: join(PICTURES, `request-${width}-${colorScheme}.png`), fullPage: true});
    await tab.finish();
  });
}

test('one byte that the store tells differently turns the proof red', async () => {
  const {id} = await serve.chat('hello REPLAY:TOKENS=76');
  const tab = await open(browser, store.url);
  await tab.route(`**/api/records/${id}`, async route => {
    const answer = await (await route.fetch()).json();
    const entry = Buffer.from(answer.entry_base64, 'base64').toString().replace('"output_tokens":76', '"output_tokens":78');
    await route.fulfill({json: {...answer, entry_base64: Buffer.from(entry).toString('base64')}});
  });
  await tab.locator(`${row(id)} a`).click();
  await proof(tab).getByText('proof does not hold').waitFor();
  assert.match(await proof(tab).innerText(), /do not lead to the signed root/);
  assert.equal(await tab.getByText('proof verified').count(), 0);
  await assertTidy(tab);
  await tab.screenshot({path: join(PICTURES, 'request-changed.png')});
  await tab.finish();
});

test('without a secure context the page says that it has not checked', async () => {
  const {id} = await serve.chat('hello');
  const tab = await open(browser, `${store.url.replace('127.0.0.1', 'page.test')}/#/request/${id}`);
  await proof(tab).getByText('Not checked here').waitFor();
  assert.match(await proof(tab).innerText(), /beleg audit verify/);
  assert.equal(await tab.getByText('proof verified').count(), 0);
  await assertTidy(tab);
  await tab.screenshot({path: join(PICTURES, 'request-unchecked.png')});
  await tab.finish();
});

test('a request that is not there is told', async () => {
  const tab = await open(browser, `${store.url}/#/request/chatcmpl-${'0'.repeat(32)}`);
  await tab.getByRole('alert').waitFor();
  assert.equal(await tab.getByText('proof verified').count(), 0);
  await tab.finish();
});

test('the page asks for the key that the store asks for', async () => {
  const locked = await Store.make('--api-key', 'open sesame');
  try {
    await locked.start();
    const tab = await open(browser, locked.url);
    await tab.getByLabel('This store asks for its API key').fill('wrong');
    await tab.getByRole('button', {name: 'Use it'}).click();
    await tab.getByLabel('This store asks for its API key').fill('open sesame');
    await tab.getByRole('button', {name: 'Use it'}).click();
    await tab.getByText('No requests yet').waitFor();
    await tab.getByRole('heading', {name: 'This store mirrors no log'}).waitFor();
    await tab.screenshot({path: join(PICTURES, 'no-log.png')});
    await tab.finish();
  } finally {
    await locked.stop();
  }
});

// Last, for it damages the store's copy of the log.
test('one changed byte in the store\'s copy turns the proof red', async () => {
  const {id} = await serve.chat('hello REPLAY:TOKENS=77');
  const tab = await open(browser, `${store.url}/#/request/${id}`);
  await proof(tab).getByText('proof verified').waitFor();
  // A bundle that is not full is written anew when the log grows by a heartbeat, and is good again.
  await waitFor(async () => {
    changeByte(store.mirror, '"output_tokens":77', '"output_tokens":78');
    await tab.reload();
    await proof(tab).getByText(/proof verified|proof does not hold/).waitFor();
    return await proof(tab).getByText('proof does not hold').count() > 0;
  }, 'a red proof');
  assert.match(await proof(tab).innerText(), /store cannot prove it: .*entry \d+ is not the one in the tree/);
  assert.equal(await tab.getByText('proof verified').count(), 0);
  await tab.screenshot({path: join(PICTURES, 'request-damaged.png')});
  await tab.finish();
});

// In every file that has it: of a mirror, those are the entry bundles.
function changeByte(folder, from, to) {
  for (const entry of readdirSync(folder, {recursive: true, withFileTypes: true})) {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    if (!entry.isFile()) continue;
    const bytes = readFileSync(path), at = bytes.indexOf(from);
    if (at < 0) continue;
    bytes.write(to, at);
    writeFileSync(path, bytes);
  }
}
