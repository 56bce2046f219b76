import collections, decimal, functools, hashlib, itertools, json, re, struct, zlib

decimal.getcontext().prec = 40
words = re.findall(r"\w+", "the kernel gives memory back when the last reference to it goes away")


@functools.cache
def paths(n, k):
    return 1 if k in (0, n) else paths(n - 1, k - 1) + paths(n - 1, k)


class Slot:
    def __init__(self, number):
        self.number = number

    def __format__(self, spec):
        return f"slot {self.number:{spec or 'd'}}"


try:
    {}["absent"]
except KeyError as error:
    missing = repr(error)
print(json.dumps({
    "count": collections.Counter(map(len, words)).most_common(3),
    "groups": {k: sorted(g) for k, g in itertools.groupby(sorted(words, key=len), key=len)},
    "paths": paths(40, 20),
    "power": str(pow(7, 200, 10**30 + 57)),
    "root": str(decimal.Decimal(2).sqrt()),
    "sha": hashlib.sha256(b"leakbench").hexdigest(),
    "packed": zlib.decompress(zlib.compress(struct.pack("<3I", 1, 2, 3) * 100))[:12].hex(),
    "slot": f"{Slot(7):03d}",
    "missing": missing,
}, indent=1))
