// node hash-wasm.mjs PACKAGE ALGORITHM INPUT: prints the digest's bytes.
import { createRequire } from 'node:module';

const [folder, algorithm, input] = process.argv.slice(2);
const hash = createRequire(import.meta.url)(`${folder}/dist/index.umd.js`)[algorithm];
process.stdout.write(Buffer.from(await hash(input), 'hex'));
