// node source-map.mjs PACKAGE INPUT: prints the ten numbers of each mapping.
import { readFileSync } from 'node:fs';

const [folder, input] = process.argv.slice(2);
const module = await WebAssembly.compile(readFileSync(`${folder}/lib/mappings.wasm`));
const env = {
    mapping_callback: (...numbers) => process.stdout.write(Buffer.from(Int32Array.from(numbers).buffer)),
};
const { exports } = await WebAssembly.instantiate(module, { env });
const at = exports.allocate_mappings(input.length);
new Uint8Array(exports.memory.buffer, at).set(Buffer.from(input));
exports.by_generated_location(exports.parse_mappings(at));
