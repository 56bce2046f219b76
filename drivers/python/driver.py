"""Puts Wasmtime, by its Python package, under test by leakbench. The protocol is in docs/protocol.md.

    leakbench --subject 'python3 drivers/python/driver.py'

leakbench writes requests as JSON objects, one a line, to standard input. The driver writes one reply
to each on standard output. leakbench numbers modules and instances, hence the two dictionaries. When
standard input is closed, the driver exits with status 0.
"""

import base64
import importlib.metadata
import json
import os
import sys

import wasmtime

PROTOCOL = 1

engine = wasmtime.Engine()
modules = {}
instances = {}


def hello(request):
    if request["leakbench"] != PROTOCOL:
        raise ValueError(f"this driver has version {PROTOCOL} of the step protocol")
    runtime = "wasmtime-py " + importlib.metadata.version("wasmtime")
    return {"leakbench": PROTOCOL, "runtime": runtime, "pid": os.getpid()}


def create(request):
    binary = base64.b64decode(request["binary"])
    modules[request["module"]] = wasmtime.Module(engine, binary)


def instantiate(request):
    # A store of its own, as for a request to a server. The memory is freed with the store.
    store = wasmtime.Store(engine)
    instance = wasmtime.Instance(store, modules[request["module"]], [])
    instances[request["instance"]] = (store, instance)


def call(request):
    store, instance = instances[request["instance"]]
    result = instance.exports(store)[request["export"]](store)
    # A string of digits, because a JSON number loses bits of 64-bit integers in other languages.
    return {"result": str(result) if isinstance(result, int) else None}


# CPython frees an object when its last reference is deleted, and the package then frees the module or
# instance. So gc.collect() is not needed.
def drop_instance(request):
    del instances[request["instance"]]


def drop_module(request):
    del modules[request["module"]]


STEPS = {
    "hello": hello,
    "create": create,
    "instantiate": instantiate,
    "call": call,
    "drop-instance": drop_instance,
    "drop-module": drop_module,
}


def reply_to(request):
    step = STEPS.get(request["do"])
    if step is None:
        return {"error": f"this driver has no step '{request['do']}'"}
    try:
        return {"ok": step(request) or {}}
    # Every exception of the runtime is an answer. The driver continues.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"id": request["id"], **reply_to(request)}), flush=True)
