// Puts V8's WebAssembly, in Node, under test by leakbench. The protocol is in docs/protocol.md.
//
//     leakbench --subject 'node drivers/node/driver.mjs'
//
// leakbench writes requests as JSON objects, one a line, to standard input. The driver writes one reply
// to each on standard output. leakbench numbers modules and instances, hence the two maps. When
// standard input is closed, the driver exits with status 0.
//
// V8 frees a dropped module when it collects garbage, and makes no memfds. So leakbench judges the
// growth of mappings, descriptors and resident memory.

import { createInterface } from "node:readline";
import { writeSync } from "node:fs";

const PROTOCOL = 1;

const modules = new Map();
const instances = new Map();

function take(map, key, what) {
  const value = map.get(key);
  if (value === undefined) throw new Error(`there is no ${what} ${key}`);
  return value;
}

const steps = {
  hello({ leakbench }) {
    if (leakbench !== PROTOCOL) {
      throw new Error(`this driver has version ${PROTOCOL} of the step protocol`);
    }
    const runtime = `v8 ${process.versions.v8} (node ${process.versions.node})`;
    return { leakbench: PROTOCOL, runtime, pid: process.pid };
  },

  create({ module, binary }) {
    modules.set(module, new WebAssembly.Module(Buffer.from(binary, "base64")));
  },

  instantiate({ module, instance }) {
    instances.set(instance, new WebAssembly.Instance(take(modules, module, "module")));
  },

  call({ instance, export: name }) {
    const result = take(instances, instance, "instance").exports[name]();
    // A 64-bit integer is a BigInt, which JSON does not have: hence a string of digits.
    const integer = typeof result === "bigint" || Number.isInteger(result);
    return { result: integer ? String(result) : null };
  },

  "drop-instance"({ instance }) {
    take(instances, instance, "instance");
    instances.delete(instance);
  },

  "drop-module"({ module }) {
    take(modules, module, "module");
    modules.delete(module);
  },
};

function replyTo(request) {
  if (!Object.hasOwn(steps, request.do)) {
    return { error: `this driver has no step '${request.do}'` };
  }
  try {
    return { ok: steps[request.do](request) ?? {} };
  } catch (error) {
    // Every exception of the runtime is an answer. The driver continues.
    return { error: String(error) };
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  writeSync(1, JSON.stringify({ id: request.id, ...replyTo(request) }) + "\n");
});
