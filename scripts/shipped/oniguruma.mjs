// node oniguruma.mjs PACKAGE PATTERNS INPUT: prints what oniguruma.wat prints, by the package's JavaScript.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const [folder, patterns, text] = process.argv.slice(2);
const { loadWASM, OnigScanner, OnigString } = createRequire(import.meta.url)(`${folder}/release/main.js`);
await loadWASM(readFileSync(`${folder}/release/onig.wasm`));
const scanner = new OnigScanner(patterns.trimEnd().split('\n'));
const string = new OnigString(text);
// The program counts bytes where the package counts UTF-16 units. For a group that took no part the program has
// -1, which the package turns into the text's end, where no other group of these matches is.
const bytes = at => (at === text.length ? -1 : Buffer.byteLength(text.slice(0, at)));
const out = [];
for (let match, at = 0; (match = scanner.findNextMatchSync(string, at)); at = match.captureIndices[0].end) {
    const groups = match.captureIndices.flatMap(({ start, end }) => [bytes(start), bytes(end)]);
    out.push(match.index, match.captureIndices.length, ...groups);
}
process.stdout.write(Buffer.from(Int32Array.from(out).buffer));
