// node build.mjs FOLDER: builds the page with Vite, packs its files and writes FOLDER/page.S, one object with all of them.
// The table at its end is what src/query/page.cc reads as PageFile.
import {createHash} from 'node:crypto';
import {mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {extname, join, resolve} from 'node:path';
import {brotliCompressSync, constants, gzipSync} from 'node:zlib';

import {build} from 'vite';

const TYPES = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

const PACKED_BYTES_MAX = 64 << 10;  // of all files together, with brotli: the page is small, and stays it

const out = resolve(process.argv[2]);
const dist = join(out, 'dist');
const packed = join(out, 'packed');

await build({root: import.meta.dirname, logLevel: 'warn', build: {outDir: dist, emptyOutDir: true}});
rmSync(packed, {recursive: true, force: true});
mkdirSync(packed, {recursive: true});
const names = readdirSync(dist, {recursive: true, withFileTypes: true})
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath ?? entry.path, entry.name).slice(dist.length))
    .sort();
const files = names.map((name, number) => pack(name, number));
const bytes = files.reduce((sum, file) => sum + statSync(file.br).size, 0);
if (bytes > PACKED_BYTES_MAX) throw new Error(`the page has ${bytes} bytes packed, ${PACKED_BYTES_MAX} are allowed`);
writeFileSync(join(out, 'page.S'), assembler(files));

function pack(name, number) {
  const type = TYPES[extname(name)];
  if (!type) throw new Error(`${name}: no content type is known for it`);
  const bytes = readFileSync(join(dist, name));
  const br = join(packed, `${number}.br`), gzip = join(packed, `${number}.gz`);
  writeFileSync(br, brotliCompressSync(bytes, {params: {[constants.BROTLI_PARAM_SIZE_HINT]: bytes.length}}));
  writeFileSync(gzip, gzipSync(bytes, {level: 9}));
  return {name, type, br, gzip, etag: createHash('sha256').update(bytes).digest('hex').slice(0, 32)};
}

function assembler(files) {
  const contents = files.map((file, i) => `
path_${i}: .asciz "${file.name}"
type_${i}: .asciz "${file.type}"
etag_${i}: .asciz "\\"${file.etag}\\""
br_${i}: .incbin "${file.br}"
br_end_${i}:
gzip_${i}: .incbin "${file.gzip}"
gzip_end_${i}:`);
  const rows = files.map((_, i) =>
    `  .quad path_${i}, type_${i}, etag_${i}, br_${i}, br_end_${i} - br_${i}, gzip_${i}, gzip_end_${i} - gzip_${i}`);
  return `.section .rodata
${contents.join('\n')}

.section .data.rel.ro, "aw"
.balign 8
.globl kBelegPageFiles, kBelegPageFilesCount
kBelegPageFiles:
${rows.join('\n')}
kBelegPageFilesCount: .quad ${files.length}

.section .note.GNU-stack, "", %progbits
`;
}
