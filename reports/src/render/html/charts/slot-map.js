// Slot maps: reading and painting.

// States as `[letter, class, words]`. A state's index is its rank: later ones explain more of a leak.
const STATES = DATA.states;
const RANKS = new Map(STATES.map(([letter], rank) => [letter, rank]));
// States from this one on have a mark where few slots are in them, this many pixels apart.
const MARKED_FROM = STATES.findIndex(([, name]) => name === "state-unknown");
const MARK_DISTANCE = 48;
// A share from which on a column shows a state by its colour.
const VISIBLE = 0.3;

function readPool(pool) {
  const [t, c, l, per] = [pool.t, pool.c, pool.l, pool.per].map(summed);
  const rows = pool.runs.map((text, index) => ({
    t: t[index],
    c: c[index],
    l: l[index],
    per: per[index],
    ...readRuns(text),
  }));
  return { subject: pool.subject, slots: pool.slots, rows };
}

// `x31.4` as the ranks of two states and their numbers of slots, 31 and 4.
function readRuns(text) {
  const [ranks, counts] = [[], []];
  for (const [, letter, count] of text.matchAll(/(\D)(\d*)/g)) {
    ranks.push(RANKS.get(letter));
    counts.push(Number(count || 1));
  }
  return { ranks, counts };
}

// Calls `each` with the first slot, the size and the numbers of slots by state of each bin of a row.
function eachBin(row, slots, each) {
  let [run, left] = [0, row.counts[0]];
  for (let first = 0; first < slots; first += row.per) {
    const size = Math.min(row.per, slots - first);
    const counts = new Map();
    for (let missing = size; missing > 0; ) {
      const taken = Math.min(missing, left);
      counts.set(row.ranks[run], (counts.get(row.ranks[run]) ?? 0) + taken);
      missing -= taken;
      left -= taken;
      if (left === 0) {
        run += 1;
        left = row.counts[run];
      }
    }
    each(first, size, counts);
  }
}

// The numbers of slots by state of a whole row, the highest state first.
function totals(row) {
  const sums = STATES.map(() => 0);
  row.ranks.forEach((rank, index) => {
    sums[rank] += row.counts[index];
  });
  return [...sums.entries()].filter(([, count]) => count > 0).reverse();
}

// The share of each state in `columns` equal parts of a row: an array for each rank that occurs.
function sharesOf(row, slots, columns) {
  const shares = [];
  const wide = slots / columns;
  eachBin(row, slots, (first, size, counts) => {
    const end = first + size;
    for (let column = Math.floor(first / wide); column < columns; column += 1) {
      const start = column * wide;
      if (start >= end) break;
      const overlap = Math.min(end, start + wide) - Math.max(first, start);
      for (const [rank, count] of counts) {
        shares[rank] ??= new Float32Array(columns);
        shares[rank][column] += ((count / size) * Math.max(overlap, 0)) / wide;
      }
    }
  });
  return shares;
}

// The columns that have a mark, with the rank of its state: in each `window` of columns the one with
// the largest share of the highest state, if no column shows that state.
function marksOf(shares, columns, window) {
  const marks = [];
  for (let start = 0; start < columns; start += window) {
    for (let rank = STATES.length - 1; rank >= MARKED_FROM; rank -= 1) {
      const there = shares[rank]?.subarray(start, start + window);
      const most = there ? there.reduce((max, share) => Math.max(max, share)) : 0;
      if (most <= 0) continue;
      if (most < VISIBLE) marks.push([start + there.indexOf(most), rank]);
      break;
    }
  }
  return marks;
}

// The colour of each rank: red, green, blue.
function stateColours(host) {
  const style = getComputedStyle(host);
  return STATES.map(([, name]) => {
    const hex = parseInt(style.getPropertyValue(`--${name}`).trim().slice(1), 16);
    return [hex >> 16, (hex >> 8) & 255, hex & 255];
  });
}

// A row of `width` pixels: each column has the colours of its states, mixed by their shares.
function lineOf(shares, columns, colours, width) {
  const sums = [0, 1, 2].map(() => new Float32Array(columns));
  shares.forEach((share, rank) => {
    sums.forEach((sum, channel) => {
      for (let column = 0; column < columns; column += 1) {
        sum[column] += share[column] * colours[rank][channel];
      }
    });
  });
  const line = new Uint8ClampedArray(width * 4);
  for (let x = 0; x < width; x += 1) {
    const column = Math.floor(((x + 0.5) * columns) / width);
    line.set([sums[0][column], sums[1][column], sums[2][column], 255], x * 4);
  }
  return line;
}

// Paints rows of a pool over a whole canvas of `width` by `height` CSS pixels. `gap` separates rows.
function paintRows(canvas, rows, pool, [width, height], gap) {
  const ratio = Math.max(devicePixelRatio || 1, 1);
  canvas.width = Math.max(Math.round(width * ratio), 1);
  canvas.height = Math.max(Math.round(height * ratio), 1);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const colours = stateColours(canvas);
  const size = Math.round(2 * ratio);
  rows.forEach((row, index) => {
    const columns = Math.min(Math.ceil(pool.slots / row.per), canvas.width);
    const shares = sharesOf(row, pool.slots, columns);
    const line = lineOf(shares, columns, colours, canvas.width);
    const start = Math.round((index * canvas.height) / rows.length);
    const end = Math.round(((index + 1) * canvas.height) / rows.length) - gap;
    for (let y = start; y < end; y += 1) image.data.set(line, y * canvas.width * 4);
    const window = Math.max(Math.round((MARK_DISTANCE * ratio * columns) / canvas.width), 1);
    for (const [column, rank] of marksOf(shares, columns, window)) {
      const middle = ((column + 0.5) * canvas.width) / columns;
      const left = clamp(Math.round(middle - size / 2), 0, canvas.width - size);
      const top = Math.max(Math.floor((start + end - size) / 2), start);
      for (let y = top; y < Math.min(top + size, end); y += 1) {
        for (let x = left; x < left + size; x += 1) {
          image.data.set([...colours[rank], 255], (y * canvas.width + x) * 4);
        }
      }
    }
  });
  context.putImageData(image, 0, 0);
}
