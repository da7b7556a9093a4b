// node test.mjs [FOLDER]: bundles each src/**/*.test.ts for node and runs them with its own test runner.
import {spawnSync} from 'node:child_process';
import {mkdtempSync, readdirSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';

import {build} from 'vite';

const root = import.meta.dirname;
const out = process.argv[2] ? resolve(process.argv[2]) : mkdtempSync(join(tmpdir(), 'beleg-page-'));
const tests = readdirSync(join(root, 'src'), {recursive: true}).filter(name => name.endsWith('.test.ts'));
if (tests.length === 0) throw new Error('no tests were found');
await build({
  root, configFile: false, logLevel: 'warn', publicDir: false,
  build: {ssr: true, outDir: out, emptyOutDir: true, target: 'node20', rolldownOptions: {
    input: tests.map(name => join(root, 'src', name)), output: {entryFileNames: '[name].mjs'}}},
});
const made = readdirSync(out).filter(name => name.endsWith('.test.mjs')).map(name => join(out, name));
process.exit(spawnSync(process.execPath, ['--test', ...made], {stdio: 'inherit'}).status ?? 1);
