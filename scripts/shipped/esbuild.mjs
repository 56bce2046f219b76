// node esbuild.mjs PACKAGE INPUT: prints what esbuild.wat prints, by the package's JavaScript.
import { createRequire } from 'node:module';

const [folder, text] = process.argv.slice(2);
const { transform } = createRequire(import.meta.url)(`${folder}/lib/main.js`);
process.stdout.write((await transform(text, { loader: 'tsx', minify: true })).code);
