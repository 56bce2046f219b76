// Drives V8's WebAssembly, in Node, for leakbench: docs/protocol.md has the protocol.
//
//     leakbench --subject 'node drivers/node/driver.mjs'
//
// Requests come as JSON objects, one a line, on standard input; each gets one reply on standard
// output. leakbench numbers modules and instances, so two maps are all that is kept.
//
// V8 frees a dropped module when it collects garbage, and makes no memfds, so what leakbench
// judges is whether mappings, descriptors and memory keep growing.

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
      throw new Error(`this driver speaks version ${PROTOCOL} of the step protocol`);
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
    // A 64-bit integer is a BigInt here, which JSON does not have: hence digits in a string.
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
    return { error: `this driver knows no '${request.do}'` };
  }
  try {
    return { ok: steps[request.do](request) ?? {} };
  } catch (error) {
    // Whatever the runtime throws is an answer, not the end.
    return { error: String(error) };
  }
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const request = JSON.parse(line);
  writeSync(1, JSON.stringify({ id: request.id, ...replyTo(request) }) + "\n");
});
