// A running beleg and a browser to look at it with; what every test of the page stands on.
import assert from 'node:assert/strict';
import {spawn} from 'node:child_process';
import {mkdirSync, mkdtempSync, openSync, readFileSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';

import {chromium} from 'playwright-core';

const ROOT = resolve(import.meta.dirname, '../..');
const BINARY = process.env.BELEG_BINARY ?? join(ROOT, 'build/dev/beleg');
const START_LIMIT_MS = 90_000;
export const PICTURES = join(ROOT, 'build/e2e');

export async function waitFor(condition, what, limit_ms = 20_000) {
  const deadline = Date.now() + limit_ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `${what}: not within ${limit_ms / 1000} s`);
    await new Promise(done => setTimeout(done, 50));
  }
}

// One beleg process with a folder of its own.
class Process {
  constructor(args) {
    this.folder = mkdtempSync(join(tmpdir(), 'beleg-e2e-'));
    const log = openSync(join(this.folder, 'log'), 'a');
    this.child = spawn(BINARY, args(this.folder), {stdio: ['ignore', log, log]});
    this.ended = new Promise(done => this.child.on('exit', done));
  }
  async ready(url) {
    await waitFor(() => {
      assert.equal(this.child.exitCode, null, `it ended:\n${this.log()}`);
      return fetch(`${url}/health`).then(answer => answer.ok, () => false);
    }, `an answer from ${url}`, START_LIMIT_MS);
  }
  log() { return readFileSync(join(this.folder, 'log'), 'utf8').slice(-4000); }
  async stop() {
    this.child.kill('SIGTERM');
    await this.ended;
    rmSync(this.folder, {recursive: true, force: true});
  }
}

// serve and store on the scripted engine.
export class Stack extends Process {
  static async start() {
    const [api, ledger, store, otlp] = await freePorts(4);
    const stack = new Stack(folder => ['up', '--engine', 'replay', '--data', join(folder, 'data'), '--port', api, '--ledger-port', ledger,
                                       '--store-port', store, '--otlp-port', otlp, '--region', 'hetzner-nbg1-eu']);
    stack.api = `http://127.0.0.1:${api}/v1`;
    stack.page = `http://127.0.0.1:${store}`;
    stack.mirror = join(stack.folder, 'data/mirror');
    await stack.ready(`http://127.0.0.1:${api}`);
    await stack.ready(stack.page);
    return stack;
  }
  // The answer's JSON: {"id": …} or {"error": …}
  async chat(content, more = {}) {
    const answer = await fetch(`${this.api}/chat/completions`, {
      method: 'POST', headers: {'content-type': 'application/json'},
      body: JSON.stringify({model: 'replay', messages: [{role: 'user', content}], max_tokens: 256, ...more}),
    });
    return answer.json();
  }
}

// A store alone that asks for a key.
export async function storeWithKey(key) {
  const [port, otlp] = await freePorts(2);
  const store = new Process(folder => ['store', '--data', folder, '--listen', `127.0.0.1:${port}`, '--otlp-listen', `127.0.0.1:${otlp}`, '--api-key', key]);
  store.page = `http://127.0.0.1:${port}`;
  await store.ready(store.page);
  return store;
}

async function freePorts(count) {
  const servers = await Promise.all(Array.from({length: count}, () => new Promise(done => {
    const server = createServer().listen(0, '127.0.0.1', () => done(server));
  })));
  const ports = servers.map(server => server.address().port);
  await Promise.all(servers.map(server => new Promise(done => server.close(done))));
  return ports;
}

// page.test is a name for this machine that no browser takes for a secure context.
export function startBrowser() {
  mkdirSync(PICTURES, {recursive: true});
  return chromium.launch({
    executablePath: process.env.BELEG_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
           '--disable-component-update', '--disable-sync', '--no-proxy-server', '--host-resolver-rules=MAP page.test 127.0.0.1'],
  });
}

// Opens a tab that fails the test when the page logs an error, or anything in it stands beyond its edge.
export async function open(browser, url, {width = 1280, height = 900, colorScheme = 'light'} = {}) {
  const context = await browser.newContext({viewport: {width, height}, colorScheme, reducedMotion: 'reduce'});
  const tab = await context.newPage();
  const errors = [];
  tab.on('pageerror', error => errors.push(String(error)));
  tab.on('console', message => {
    // A status of 4xx or 5xx is logged by the browser; the page says it in words.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) errors.push(message.text());
  });
  await tab.goto(url);
  tab.finish = async () => {
    assert.deepEqual(errors, []);
    await context.close();
  };
  return tab;
}

// Nothing is wider than the window, no text of a picture leaves it, no two texts of one picture overlap.
export async function assertTidy(tab) {
  const found = await tab.evaluate(() => {
    const wrong = [];
    const beyond = document.documentElement.scrollWidth - innerWidth;
    if (beyond > 0) wrong.push(`the page is ${beyond} px wider than the window`);
    for (const svg of document.querySelectorAll('main svg')) {
      const frame = svg.getBoundingClientRect();
      const texts = [...svg.querySelectorAll('text')].map(text => ({text: text.textContent, box: text.getBoundingClientRect()}));
      for (const {text, box} of texts) {
        if (box.left < frame.left - 1 || box.right > frame.right + 1) wrong.push(`'${text}' leaves its picture`);
      }
      texts.forEach((a, i) => texts.slice(i + 1).forEach(b => {
        if (a.box.left < b.box.right && b.box.left < a.box.right && a.box.top + 2 < b.box.bottom - 2 && b.box.top + 2 < a.box.bottom - 2) {
          wrong.push(`'${a.text}' and '${b.text}' overlap`);
        }
      }));
    }
    for (const cell of document.querySelectorAll('main td, main dd, main li, main figcaption, main h1, main h2, main button, header dd')) {
      const style = getComputedStyle(cell);
      if (cell.scrollWidth > cell.clientWidth + 1 && cell.clientWidth > 0 && style.display !== 'inline' && style.textOverflow !== 'ellipsis') {
        wrong.push(`'${cell.textContent.trim()}' is wider than its place`);
      }
    }
    return wrong;
  });
  assert.deepEqual(found, []);
}
