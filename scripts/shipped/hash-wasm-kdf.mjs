// node hash-wasm-kdf.mjs PACKAGE ALGORITHM PASSWORD: derives a key from the password, and prints as JSON the calls of the
// module on the way: the bytes that its buffer has before, the arguments, and the bytes that it has after.
import { createRequire } from 'node:module';
import { scryptSync } from 'node:crypto';
import assert from 'node:assert';

const [folder, algorithm, password] = process.argv.slice(2);
const salt = new Uint8Array(16).map((_, index) => 17 * index + 3);
const options = {
  argon2: { password, salt, parallelism: 2, iterations: 3, memorySize: 64, hashLength: 32, outputType: 'binary' },
  scrypt: { password, salt, costFactor: 256, blockSize: 2, parallelism: 2, hashLength: 32, outputType: 'binary' },
  bcrypt: { password, salt, costFactor: 5, outputType: 'binary' },
}[algorithm];
// The function of the module, and the bytes of its result.
const [derive, result] = { argon2: ['Hash_Calculate', 1024], scrypt: ['scrypt', 512], bcrypt: ['bcrypt', 24] }[algorithm];

const calls = [];
const instantiate = WebAssembly.instantiate;
WebAssembly.instantiate = async (...given) => {
  const { exports } = await instantiate(...given);
  if (!exports[derive] || (algorithm === 'argon2' && exports.Hash_Init)) return { exports };
  let total = 16 + password.length;
  const buffer = (bytes) => Buffer.from(exports.memory.buffer, exports.Hash_GetBuffer(), bytes).toString('base64');
  return {
    exports: {
      ...exports,
      Hash_SetMemorySize: (bytes) => exports.Hash_SetMemorySize((total = bytes)),
      [derive]: (...args) => {
        const before = buffer(total);
        exports[derive](...args);
        calls.push({ derive, args: args.slice(0, exports[derive].length), total, before, after: buffer(result) });
      },
    },
  };
};
const hashes = createRequire(import.meta.url)(`${folder}/dist/index.umd.js`);
const key = await hashes[algorithm === 'argon2' ? 'argon2id' : algorithm](options);
if (algorithm === 'scrypt') {
  assert.deepEqual(Buffer.from(key), scryptSync(password, salt, 32, { N: 256, r: 2, p: 2 }));
}
process.stdout.write(JSON.stringify(calls));
