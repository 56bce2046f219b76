"""Drives Wasmtime, through its Python package, for leakbench: docs/protocol.md has the protocol.

    leakbench --subject 'python3 drivers/python/driver.py'

Requests come as JSON objects, one a line, on standard input; each gets one reply on standard
output. leakbench numbers modules and instances, so two dictionaries are all that is kept.
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
        raise ValueError(f"this driver speaks version {PROTOCOL} of the step protocol")
    runtime = "wasmtime-py " + importlib.metadata.version("wasmtime")
    return {"leakbench": PROTOCOL, "runtime": runtime, "pid": os.getpid()}


def create(request):
    binary = base64.b64decode(request["binary"])
    modules[request["module"]] = wasmtime.Module(engine, binary)


def instantiate(request):
    # A store of its own, as for a request to a server: memory goes with the store.
    store = wasmtime.Store(engine)
    instance = wasmtime.Instance(store, modules[request["module"]], [])
    instances[request["instance"]] = (store, instance)


def call(request):
    store, instance = instances[request["instance"]]
    result = instance.exports(store)[request["export"]](store)
    # Digits in a string: a JSON number would lose some of 64 bits in other languages.
    return {"result": str(result) if isinstance(result, int) else None}


# Where nothing else refers to them, CPython frees objects, and the package what they stand for,
# the moment the dictionary lets go: no gc.collect() is needed.
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
        return {"error": f"this driver knows no '{request['do']}'"}
    try:
        return {"ok": step(request) or {}}
    # Whatever the runtime raises is an answer, not the end.
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"id": request["id"], **reply_to(request)}), flush=True)
