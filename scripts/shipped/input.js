const words = 'the kernel gives memory back when the last reference to it goes away'.split(' ');
const byLength = words.reduce((all, word) => ({ ...all, [word.length]: [...(all[word.length] ?? []), word] }), {});
function* primes(limit) {
    const sieve = new Uint8Array(limit);
    for (let i = 2; i < limit; i++) {
        if (sieve[i]) continue;
        yield i;
        for (let j = i * i; j < limit; j += i) sieve[j] = 1;
    }
}
class Image {
    #bytes;
    constructor(bytes) { this.#bytes = bytes; }
    get pages() { return Math.ceil(this.#bytes / 65536); }
}
JSON.stringify({
    byLength,
    primes: [...primes(3000)].slice(-5),
    factorial: String((n => { let f = 1n; while (n > 1n) f *= n--; return f; })(40n)),
    pages: [1, 65536, 65537].map(bytes => new Image(bytes).pages),
    replaced: 'slot-17, slot-4'.replace(/slot-(?<n>\d+)/g, (_, n) => `[${n.padStart(3, '0')}]`),
    sorted: new Float64Array([0.5, -0.25, 1e21, NaN]).sort().join(),
    map: [...new Map([['a', 1], ['b', new Set([2, 3]).size]])],
    date: new Date(1.7e12).toISOString(),
});
