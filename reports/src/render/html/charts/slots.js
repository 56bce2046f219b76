// The states of each slot of a pool: slots across, time downwards, one row for each barrier.

// States as `[letter, class, words]`. A state's index is its rank: where one cell or pixel stands
// for several slots, the state of the highest rank shows.
const STATES = DATA.states;
const RANKS = new Map(STATES.map(([letter], rank) => [letter, rank]));

function readRows(chart) {
  const [t, c, l] = [chart.t, chart.c, chart.l].map(summed);
  return chart.cells.map((runs, index) => ({
    t: t[index],
    c: c[index],
    l: l[index],
    cells: readRuns(runs),
    counts: chart.counts[index],
  }));
}

// `x31.4` as the ranks of 35 cells.
function readRuns(runs) {
  const cells = [];
  for (const [, letter, length] of runs.matchAll(/(\D)(\d*)/g)) {
    const rank = RANKS.get(letter);
    for (let count = Number(length || 1); count > 0; count -= 1) cells.push(rank);
  }
  return Uint8Array.from(cells);
}

class SlotChart extends TimePlot {
  constructor(host, chart, timeline) {
    super(host, `${chart.title}: slots across, time downwards`, timeline);
    this.chart = chart;
    this.rows = readRows(chart);
    this.slot = 0;
    this.canvas = html("canvas", { "aria-hidden": "true" });
    host.prepend(this.canvas);
    host.classList.add("slots");
  }

  along(event) {
    return this.at(event)[1];
  }

  stops() {
    return this.rows.map((row) => row.t);
  }

  // The rows in the window, or the last one before it.
  seen() {
    const [from, to] = this.timeline.window;
    const seen = this.rows.filter((row) => row.t >= from && row.t <= to);
    if (seen.length > 0) return seen;
    const before = lastUpTo(this.stops(), from);
    return this.rows.slice(Math.max(before, 0), Math.max(before, 0) + 1);
  }

  draw() {
    this.shown = this.seen();
    const count = this.shown.length;
    const tall = clamp(Math.round(300 / count), 2, 26);
    const drawing = this.begin(count * tall + 40, {
      left: this.gutter,
      right: 12,
      top: 8,
      bottom: 32,
    });
    const { left, right, top, bottom } = this.bounds;
    this.tall = tall;
    this.cells = this.rows[0].cells.length;
    this.paint(right - left, bottom - top);
    const place = (name, share) => this.canvas.style.setProperty(name, `${share * 100}%`);
    place("left", left / this.width);
    place("width", (right - left) / this.width);
    place("top", top / this.height);
    place("height", (bottom - top) / this.height);
    drawing.append(this.drawRows(), this.drawSlots());
    this.selection = svg("rect", {
      class: "selection",
      x: left,
      y: top,
      width: right - left,
      height: 0,
    });
    this.cursor = svg("g", { class: "cursor" });
    drawing.append(this.selection, this.cursor);
    this.pointed();
  }

  // Each pixel shows the cell of the highest rank that falls on it.
  paint(width, height) {
    const ratio = Math.max(devicePixelRatio || 1, 1);
    const { canvas } = this;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    const image = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = this.colours();
    const gap = this.tall >= 9 ? Math.round(ratio) : 0;
    this.shown.forEach(({ cells }, index) => {
      const line = new Uint32Array(canvas.width);
      for (let x = 0; x < canvas.width; x += 1) {
        const first = Math.floor((x * cells.length) / canvas.width);
        const last = Math.max(Math.floor(((x + 1) * cells.length) / canvas.width), first + 1);
        let rank = 0;
        for (let cell = first; cell < last; cell += 1) rank = Math.max(rank, cells[cell]);
        line[x] = colours[rank];
      }
      const start = Math.round((index * canvas.height) / this.shown.length);
      const end = Math.round(((index + 1) * canvas.height) / this.shown.length) - gap;
      for (let y = start; y < end; y += 1) pixels.set(line, y * canvas.width);
    });
    context.putImageData(image, 0, 0);
  }

  // The colour of each rank as a pixel of a canvas.
  colours() {
    const style = getComputedStyle(this.host);
    return STATES.map(([, name]) => {
      const hex = parseInt(style.getPropertyValue(`--${name}`).trim().slice(1), 16);
      return new Uint32Array(
        new Uint8Array([hex >> 16, (hex >> 8) & 255, hex & 255, 255]).buffer,
      )[0];
    });
  }

  drawRows() {
    const { left, top } = this.bounds;
    const axis = svg("g", { class: "axis" });
    let free = -Infinity;
    this.shown.forEach((row, index) => {
      const y = top + (index + 0.5) * this.tall;
      if (y - 8 < free) return;
      free = y + 8;
      const text =
        this.timeline.axis === "ms"
          ? `${(row.t / 1000).toFixed(row.t < 1e5 ? 2 : 0)} s`
          : compact(row.c, Math.max(row.c / 100, 1));
      axis.append(svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, text));
    });
    return axis;
  }

  drawSlots() {
    const { left, right, bottom } = this.bounds;
    const axis = svg("g", { class: "axis" });
    const scale = linear(0, this.chart.slots, left, right);
    const { ticks, write } = amountTicks(0, this.chart.slots, (right - left) / 90, "count");
    for (const tick of ticks) {
      const x = scale(tick);
      axis.append(
        svg("line", { class: "frame", x1: x, x2: x, y1: bottom + 1, y2: bottom + 5 }),
        svg(
          "text",
          { x: Math.min(x, right - 10), y: bottom + 19, "text-anchor": "middle" },
          tick === 0 ? "slot 0" : write(tick),
        ),
      );
    }
    return axis;
  }

  scaled() {}

  positionAt(pixel) {
    const index = Math.floor((pixel - this.bounds.top) / this.tall);
    return this.shown[clamp(index, 0, this.shown.length - 1)].t;
  }

  moved(event) {
    if (!this.drawn) return;
    const { left, right } = this.bounds;
    const share = (this.at(event)[0] - left) / (right - left);
    this.slot = clamp(Math.floor(share * this.cells), 0, this.cells - 1);
    super.moved(event);
    if (this.timeline.source === this) soon(this.pointing);
  }

  pressed(event) {
    // A finger scrolls the page here.
    if (event.pointerType !== "touch") super.pressed(event);
  }

  // Up and down move through time, left and right through slots.
  typed(event) {
    const { key } = event;
    const across = { ArrowLeft: -1, ArrowRight: 1 }[key];
    const down = { ArrowUp: -1, ArrowDown: 1 }[key];
    if (event.altKey || event.ctrlKey || event.metaKey || (!across && !down)) {
      super.typed(event);
      return;
    }
    event.preventDefault();
    if (across) {
      const by = event.shiftKey ? across * 10 : across;
      this.slot = clamp(this.slot + by, 0, this.cells - 1);
    }
    this.step(down ?? 0);
    soon(this.pointing);
  }

  select(from, to) {
    if (!this.selection) return;
    const { top, bottom } = this.bounds;
    const [a, b] = [from, to].map((pixel) => clamp(pixel, top, bottom));
    this.selection.setAttribute("y", Math.min(a, b));
    this.selection.setAttribute("height", Math.abs(a - b));
  }

  pointed() {
    if (!this.cursor) return;
    this.cursor.replaceChildren();
    const { cursor, source } = this.timeline;
    const index =
      cursor === null
        ? -1
        : nearest(
            this.shown.map((row) => row.t),
            cursor,
          );
    if (index < 0) {
      this.hideTip();
      return;
    }
    const { left, right, top } = this.bounds;
    const y = top + index * this.tall;
    this.cursor.append(
      svg("rect", { x: left - 0.5, y: y - 0.5, width: right - left + 1, height: this.tall }),
    );
    if (source !== this) {
      this.hideTip();
      return;
    }
    const row = this.shown[index];
    const wide = (right - left) / this.cells;
    const x = left + (this.slot + 0.5) * wide;
    this.cursor.append(
      svg("rect", {
        class: "cell",
        x: x - Math.max(wide, 5) / 2,
        y: y - 1,
        width: Math.max(wide, 5),
        height: this.tall + 1,
      }),
    );
    const [, tone, words] = STATES[row.cells[this.slot]];
    const rows = [
      { tone, name: `${this.slotWords()}: ${words}`, value: "", note: `line ${row.l}` },
    ];
    row.counts?.forEach((count, rank) => {
      const [, each, name] = STATES[rank];
      if (count) rows.push({ tone: each, name, value: grouped(count) });
    });
    this.showTip(x, y, `${this.timeline.words(row.t, row.c)} of this process`, rows);
  }

  slotWords() {
    const first = this.slot * this.chart.per;
    const last = Math.min(first + this.chart.per, this.chart.slots) - 1;
    return last > first ? `slots ${grouped(first)}–${grouped(last)}` : `slot ${grouped(first)}`;
  }

  said(cursor) {
    const row = this.rows[nearest(this.stops(), cursor)];
    const [, , words] = STATES[row.cells[this.slot]];
    return `${this.timeline.words(row.t, row.c)} of this process: ${this.slotWords()} ${words}`;
  }
}
