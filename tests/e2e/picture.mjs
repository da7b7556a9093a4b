// node picture.mjs: README's pictures anew, into docs/images: a minute of the demo model's traffic, on both parts of beleg.
import {join} from 'node:path';

import {assertTidy, open, proof, ROOT, row, startBoth, startBrowser, waitFor} from './stack.mjs';

const TRAFFIC_MS = 60_000;
const QUESTIONS = ['What is a receipt?', 'Name three rivers.', 'Why is the sky blue?', 'Count to ten.', 'What is a ledger?'];
const [{serve, store}, browser] = await Promise.all([
  startBoth({model: 'smollm2-135m-instruct', engine: ['--engine', 'llama', '--model', 'demo'], region: 'hel1'}), startBrowser()]);
try {
  const begin = Date.now();
  await Promise.all([talk(0, begin), talk(2, begin)]);
  await pictureOfList();
  await pictureOfRequest();
} finally {
  await browser.close();
  await Promise.all([serve.stop(), store.stop()]);
}

// Questions one after the other, answers of 5 to 60 tokens; now and then one that is refused.
async function talk(from, begin) {
  for (let i = from; Date.now() - begin < TRAFFIC_MS; ++i) {
    if (i % 6 === 4) await serve.chat('hello', {model: 'gpt-4o'});
    await serve.chat(QUESTIONS[i % QUESTIONS.length], {max_tokens: 5 + (i * 23) % 56, seed: i});
  }
}

async function pictureOfList() {
  const tab = await open(browser, store.url, {width: 1200, height: 760});
  await tab.getByRole('button', {name: '1 min', exact: true}).click();
  await waitFor(() => tab.getByText('1 s from').count(), 'the charts of a minute');
  await take(tab, 'page.png');
  await tab.setViewportSize({width: 400, height: 860});
  await tab.emulateMedia({colorScheme: 'dark'});
  await take(tab, 'page-400-dark.png');
  await tab.finish();
}

async function pictureOfRequest() {
  const {id} = await serve.chat('What is a receipt? Answer in one sentence.', {max_tokens: 40});
  const tab = await open(browser, store.url, {width: 1200, height: 560});
  await tab.locator(`${row(id)} a`).click();
  await proof(tab).getByText('proof verified').waitFor();
  await tab.locator('svg[aria-label^="Spans"]').waitFor();
  await take(tab, 'proof.png');
  await tab.finish();
}

async function take(tab, name) {
  await assertTidy(tab);
  await tab.screenshot({path: join(ROOT, 'docs/images', name)});
}
