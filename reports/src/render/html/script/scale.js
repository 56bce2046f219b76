// Scales, ticks, and numbers as people read them.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const PARTS = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });

function grouped(number) {
  return Number.isInteger(number) ? WHOLE.format(number) : PARTS.format(number);
}

// `value` in the largest of `units` that it reaches.
function inUnit(value, units) {
  let [size, name] = units[0];
  for (const [nextSize, nextName] of units) {
    if (Math.abs(value) >= nextSize) [size, name] = [nextSize, nextName];
  }
  return [value / size, name, size];
}

const BYTES = [
  [1, "bytes"],
  [1024, "KiB"],
  [1048576, "MiB"],
  [1073741824, "GiB"],
  [1099511627776, "TiB"],
];
const NANOSECONDS = [
  [1, "ns"],
  [1e3, "µs"],
  [1e6, "ms"],
  [1e9, "s"],
];
const COUNTS = [
  [1, ""],
  [1e3, "k"],
  [1e6, "M"],
  [1e9, "G"],
  [1e12, "T"],
];

function short(value, name) {
  const digits = name === "bytes" || name === "ns" || Math.abs(value) >= 100 ? 0 : 1;
  // As in all of leakbench, a number without tenths is cut, not rounded.
  const shown = digits === 0 ? Math.floor(value) : value;
  return `${shown.toLocaleString("en-US", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  })} ${name}`;
}

function bytes(value) {
  const [number, name] = inUnit(value, BYTES);
  return short(number, name);
}

function durationNs(ns) {
  const [number, name] = inUnit(ns, NANOSECONDS);
  return short(number, name);
}

// A time since the beginning, in ms.
function moment(ms) {
  const seconds = ms / 1000;
  if (seconds < 600) return `${PARTS.format(seconds)} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

function amount(value, unit) {
  return unit === "bytes" ? bytes(value) : grouped(value);
}

// The first round step (1, 2 or 5 with zeroes) of at least `min`.
function niceStep(min) {
  const power = 10 ** Math.floor(Math.log10(min));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= min * 0.9999);
}

function multiples(from, to, step) {
  const ticks = [];
  const first = Math.ceil(from / step - 1e-9);
  for (let index = first; index * step <= to + step * 1e-6 && ticks.length < 50; index += 1) {
    // Adding 0 removes the sign of a negative zero.
    ticks.push(index * step + 0);
  }
  return ticks;
}

// Ticks of an amount: their values, and a function that writes them.
function amountTicks(from, to, about, unit) {
  const min = Math.max((to - from) / about, Number.MIN_VALUE);
  if (unit === "bytes") {
    const size = inUnit(Math.max(Math.abs(from), Math.abs(to)), BYTES);
    const [, name, whole] = size;
    const step = Math.max(niceStep(min / whole) * whole, 1);
    const digits = step / whole >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step / whole)));
    const write = (value) => (value === 0 ? "0" : `${(value / whole).toFixed(digits)} ${name}`);
    return { ticks: multiples(from, to, step), write };
  }
  const step = Math.max(niceStep(min), 1);
  return { ticks: multiples(from, to, step), write: (value) => compact(value, step) };
}

// A count with as many digits as distinguish it from the next tick.
function compact(value, step) {
  if (Math.abs(value) < 10000) return grouped(value);
  const [, name, size] = inUnit(value, COUNTS);
  const digits = clamp(Math.ceil(-Math.log10(step / size) - 1e-9), 0, 3);
  return `${(value / size).toFixed(digits)}${name}`;
}

const CLOCK_MS = [6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5];

function timeTicks(from, to, about) {
  const min = Math.max((to - from) / about, 1e-3);
  if (min <= 3e4) {
    const step = niceStep(min);
    const digits = clamp(Math.ceil(-Math.log10(step / 1000) - 1e-9), 0, 4);
    return { ticks: multiples(from, to, step), write: (ms) => `${(ms / 1000).toFixed(digits)} s` };
  }
  const step = CLOCK_MS.find((each) => each >= min) ?? niceStep(min / 864e5) * 864e5;
  const [size, name] = step >= 864e5 ? [864e5, "d"] : step >= 36e5 ? [36e5, "h"] : [6e4, "min"];
  return { ticks: multiples(from, to, step), write: (ms) => `${PARTS.format(ms / size)} ${name}` };
}

function linear(from, to, start, end) {
  const factor = to > from ? (end - start) / (to - from) : 0;
  const scale = (value) => start + (value - from) * factor;
  scale.back = (pixel) => (factor === 0 ? from : from + (pixel - start) / factor);
  return scale;
}
