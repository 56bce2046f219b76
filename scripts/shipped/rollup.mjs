// node rollup.mjs PACKAGE INPUT: prints what rollup.wat prints, by the package's JavaScript.
import { createRequire } from 'node:module';

const [folder, text] = process.argv.slice(2);
const { parse, xxhashBase64Url } = createRequire(import.meta.url)(`${folder}/dist/native.js`);
process.stdout.write(Buffer.concat([parse(text, false, true), Buffer.from(xxhashBase64Url(Buffer.from(text)))]));
