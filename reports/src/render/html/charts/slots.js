// The states of each slot of a pool: slots across, time downwards, one row for each barrier.

// Size of the map of one of several processes, in CSS pixels, and its rows at most.
const SMALL = [132, 44];
const SMALL_ROWS = 22;

class SlotChart extends TimePlot {
  constructor(host, chart, timeline) {
    super(host, `${chart.title}: slots across, time downwards`, timeline);
    this.pools = chart.maps.map(readPool);
    this.bin = 0;
    this.canvas = html("canvas", { "aria-hidden": "true" });
    host.prepend(this.canvas);
    host.classList.add("slots");
    CHOICE.followers.push(this.drawing);
    if (this.pools.length > 1) host.before(this.selector());
    this.choose(0);
  }

  // A small map of each process, which shows that process.
  selector() {
    this.small = this.pools.map((pool, index) => {
      const canvas = html("canvas", { "aria-hidden": "true" });
      const button = html("button", { type: "button" }, canvas, `process ${pool.subject}`);
      button.addEventListener("click", () => {
        this.choose(index);
        this.draw();
      });
      return { button, canvas };
    });
    const buttons = this.small.map(({ button }) => button);
    return html("div", { class: "maps", role: "group", "aria-label": "process" }, ...buttons);
  }

  choose(index) {
    this.pool = this.pools[index];
    this.rows = this.pool.rows;
    this.small?.forEach(({ button }, each) => {
      button.setAttribute("aria-pressed", String(each === index));
    });
  }

  get bins() {
    return Math.ceil(this.pool.slots / this.rows[this.rows.length - 1].per);
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
    paintRows(this.canvas, this.shown, this.pool, [right - left, bottom - top], tall >= 9 ? 1 : 0);
    this.veil();
    this.small?.forEach(({ canvas }, index) => {
      const pool = this.pools[index];
      const step = Math.ceil(pool.rows.length / SMALL_ROWS);
      const last = pool.rows.length - 1;
      const rows = pool.rows.filter((_, row) => (last - row) % step === 0);
      paintRows(canvas, rows, pool, SMALL, 0);
    });
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

  // Covers the slots that do not hold the chosen images.
  veil() {
    if (!CHOICE.slots) return;
    const { width, height } = this.canvas;
    const kept = new Set();
    for (const slot of CHOICE.slots.get(this.pool.subject) ?? []) {
      const from = Math.floor((slot * width) / this.pool.slots);
      const to = Math.max(Math.ceil(((slot + 1) * width) / this.pool.slots), from + 1);
      for (let x = from; x < to; x += 1) kept.add(x);
    }
    const context = this.canvas.getContext("2d");
    context.fillStyle = getComputedStyle(this.host).getPropertyValue("--surface").trim();
    context.globalAlpha = 0.82;
    for (let x = 0; x < width; x += 1) if (!kept.has(x)) context.fillRect(x, 0, 1, height);
    context.globalAlpha = 1;
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
    const scale = linear(0, this.pool.slots, left, right);
    const { ticks, write } = amountTicks(0, this.pool.slots, (right - left) / 90, "count");
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
    this.bin = clamp(Math.floor(share * this.bins), 0, this.bins - 1);
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
      this.bin = clamp(this.bin + by, 0, this.bins - 1);
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
    const wide = (right - left) / this.bins;
    const x = left + (this.bin + 0.5) * wide;
    this.cursor.append(
      svg("rect", {
        class: "cell",
        x: x - Math.max(wide, 5) / 2,
        y: y - 1,
        width: Math.max(wide, 5),
        height: this.tall + 1,
      }),
    );
    const { words, counts } = this.binAt(row);
    const note = `line ${row.l}`;
    const rows = counts.map(([rank, count]) => {
      const [, tone, name] = STATES[rank];
      return row.per === 1
        ? { tone, name: `${words}: ${name}`, note }
        : { tone, name: `${words}: ${name}`, value: grouped(count), note };
    });
    rows.push({ name: "in all slots" });
    for (const [rank, count] of totals(row)) {
      const [, tone, name] = STATES[rank];
      rows.push({ tone, name, value: grouped(count) });
    }
    this.showTip(x, y, this.heading(row), rows);
  }

  heading(row) {
    const whose = this.pools.length > 1 ? ` of process ${this.pool.subject}` : "";
    return this.timeline.words(row.t, row.c) + whose;
  }

  // The bin at the cursor: its slots in words, and their numbers by state.
  binAt(row) {
    // Rows may have bins of different sizes.
    const bin = Math.floor((this.bin * this.rows[this.rows.length - 1].per) / row.per);
    const at = { words: "", counts: [] };
    eachBin(row, this.pool.slots, (first, size, counts) => {
      if (first !== bin * row.per) return;
      const last = first + size - 1;
      at.words = size > 1 ? `slots ${grouped(first)}–${grouped(last)}` : `slot ${grouped(first)}`;
      at.counts = [...counts].sort(([a], [b]) => b - a);
    });
    return at;
  }

  said(cursor) {
    const row = this.rows[nearest(this.stops(), cursor)];
    const { words, counts } = this.binAt(row);
    const states = counts.map(([rank, count]) => `${grouped(count)} ${STATES[rank][2]}`);
    const said = row.per === 1 ? STATES[counts[0][0]][2] : states.join(", ");
    return `${this.heading(row)}: ${words} ${said}`;
  }
}
