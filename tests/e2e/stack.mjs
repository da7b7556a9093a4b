// A running beleg and a browser to look at it with; what every test of the page stands on.
import assert from 'node:assert/strict';
import {spawn, spawnSync} from 'node:child_process';
import {closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';

import {chromium} from 'playwright-core';

export const ROOT = resolve(import.meta.dirname, '../..');
const BINARY = process.env.BELEG_BINARY ?? join(ROOT, 'build/dev/beleg');
const START_LIMIT_MS = 90_000;
export const PICTURES = join(ROOT, 'build/e2e');

// The limit is for what is broken, not for what is slow.
export async function waitFor(condition, what, limit_ms = 60_000) {
  const deadline = Date.now() + limit_ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    assert.ok(Date.now() < deadline, `${what}: not within ${limit_ms / 1000} s`);
    await new Promise(done => setTimeout(done, 50));
  }
}

// One beleg process with a folder of its own. It can be killed and started again, on the same folder and ports.
class Process {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'beleg-e2e-'));
  }
  async run(args, ...urls) {
    const log = openSync(join(this.folder, 'log'), 'a');
    this.child = spawn(BINARY, args, {stdio: ['ignore', log, log]});
    closeSync(log);
    process.once('exit', () => this.child.kill('SIGKILL'));  // where a test file ends before its end
    this.ended = new Promise(done => this.child.on('exit', done));
    for (const url of urls) {
      await waitFor(() => {
        assert.equal(this.child.exitCode, null, `it ended:\n${this.log()}`);
        return fetch(`${url}/health`).then(answer => answer.ok, () => false);
      }, `an answer from ${url}`, START_LIMIT_MS);
    }
    return this;
  }
  get running() { return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null; }
  log() { return readFileSync(join(this.folder, 'log'), 'utf8').slice(-4000); }
  async end(signal) {
    this.child.kill(signal);
    await this.ended;
  }
  async stop() {
    if (this.running) await this.end('SIGTERM');
    rmSync(this.folder, {recursive: true, force: true});
  }
}

// The OpenAI server and its ledger, on the scripted engine unless `engine` says how else.
export class Serve extends Process {
  static async make(model, ...more) {
    const serve = new Serve();
    serve.engine = ['--engine', 'replay'];
    [serve.port, serve.ledgerPort] = await freePorts(2);
    serve.url = `http://127.0.0.1:${serve.port}`;
    serve.ledger = `http://127.0.0.1:${serve.ledgerPort}`;
    return Object.assign(serve, {model, more});
  }
  start() {
    return this.run(['serve', ...this.engine, '--served-model-name', this.model, '--ledger', join(this.folder, 'ledger'), '--port', this.port,
                     '--ledger-listen', `127.0.0.1:${this.ledgerPort}`, ...this.more], this.url);
  }
  post(content, more, signal) {
    return fetch(`${this.url}/v1/chat/completions`, {
      method: 'POST', headers: {'content-type': 'application/json'}, signal,
      body: JSON.stringify({model: this.model, messages: [{role: 'user', content}], max_tokens: 256, ...more}),
    });
  }
  // The answer's JSON: {"id": …} or {"error": …}
  async chat(content, more = {}) {
    return (await this.post(content, more)).json();
  }
  // Begins a stream that tells 20 tokens a second, and waits for its first ones. Gives what cuts it off.
  async beginStream() {
    const cut = new AbortController();
    const answer = await this.post('hello REPLAY:TOKENS=1000 REPLAY:DELAY_MS=50', {stream: true, max_tokens: 1000}, cut.signal);
    await answer.body.getReader().read();
    return () => cut.abort();
  }
}

// The store with its page.
export class Store extends Process {
  static async make(...more) {
    const store = new Store();
    [store.port, store.otlpPort] = await freePorts(2);
    store.url = `http://127.0.0.1:${store.port}`;
    return Object.assign(store, {more, mirror: join(store.folder, 'store/mirror')});
  }
  start() {
    return this.run(['store', '--data', join(this.folder, 'store'), '--listen', `127.0.0.1:${this.port}`, '--otlp-listen', `127.0.0.1:${this.otlpPort}`, '--otlp-grpc-listen', '127.0.0.1:0',
                     ...this.more], this.url);
  }
}

// Both, wired and running, as `beleg up` has them.
export async function startBoth({model = 'replay', engine, region}) {
  const serve = await Serve.make(model), store = await Store.make('--ledger', serve.ledger);
  serve.more = ['--otlp-traces-endpoint', `http://127.0.0.1:${store.otlpPort}/v1/traces`, '--region', region];
  serve.engine = engine ?? serve.engine;
  await Promise.all([serve.start(), store.start()]);
  return {serve, store};
}

// What another machine would do with the files: the exit status and what was said.
export function beleg(...args) {
  const done = spawnSync(BINARY, args, {encoding: 'utf8'});
  return {status: done.status, said: done.stdout + done.stderr};
}

// Makes a part's data as if it had never run.
export function forgetData(part) {
  for (const name of ['ledger', 'store']) rmSync(join(part.folder, name), {recursive: true, force: true});
}

// Ports below those that the kernel gives to connections, so that none of those takes one while its part is down. The mark against
// other runs of this is the same port of another loopback address, held until this process ends.
async function freePorts(count) {
  const ports = [];
  while (ports.length < count) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    const mark = await listen('127.0.0.2', port);
    if (!mark) continue;
    mark.unref();
    const trial = await listen('127.0.0.1', port);
    if (!trial) continue;
    await new Promise(done => trial.close(done));
    ports.push(port);
  }
  return ports;
}

// The server, or nothing where the port is taken.
function listen(address, port) {
  return new Promise(done => {
    const server = createServer().once('error', () => done(undefined)).listen(port, address, () => done(server));
  });
}

// page.test is a name for this machine that no browser takes for a secure context.
export function startBrowser() {
  mkdirSync(PICTURES, {recursive: true});
  return chromium.launch({
    executablePath: process.env.BELEG_CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run', '--disable-background-networking',
           '--disable-component-update', '--disable-sync', '--no-proxy-server', '--host-resolver-rules=MAP page.test 127.0.0.1'],
  });
}

// Opens a tab that fails the test when the page logs an error, or anything in it stands beyond its edge.
export async function open(browser, url, {width = 1280, height = 900, colorScheme = 'light'} = {}) {
  const context = await browser.newContext({viewport: {width, height}, colorScheme, reducedMotion: 'reduce'});
  context.setDefaultTimeout(60_000);
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

// A request's row in the list; what its page says of the proof.
export const row = id => `tr:has(a[href="#/request/${id}"])`;
export const proof = tab => tab.locator('[aria-label="Proof"]');

// Nothing is wider than the window, no text of a picture leaves it, no two texts of one picture overlap.
export async function assertTidy(tab) {
  const found = await tab.evaluate(async () => {
    // What follows a new size of the window is drawn by the second frame.
    for (let i = 0; i < 2; ++i) await new Promise(requestAnimationFrame);
    const wrong = [];
    const beyond = document.documentElement.scrollWidth - innerWidth;
    if (beyond > 0) {
      const widest = [...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1).at(-1);
      wrong.push(`the page is ${beyond} px wider than the window: <${widest?.localName}> ${widest?.textContent.slice(0, 60)}`);
    }
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
