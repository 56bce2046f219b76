// Amounts over time.

const HEIGHTS = { main: 300, whole: 240, half: 210, third: 200, panel: 130 };

function readSeries(series) {
  return { ...series, t: summed(series.t), c: summed(series.c), l: summed(series.l) };
}

// Gives each stacked series its floor, which is the top of the one below, in place.
function stack(series) {
  let below = null;
  for (const one of series) {
    if (one.style !== "stacked") continue;
    one.floor = one.t.map((position) => {
      const index = below ? lastUpTo(below.t, position) : -1;
      return index < 0 ? 0 : below.top[index];
    });
    one.top = one.v.map((value, index) => (value ?? 0) + one.floor[index]);
    below = one;
  }
}

class LineChart extends TimePlot {
  // `max`: the end of the amount axis, of charts that share one scale.
  constructor(host, chart, timeline, size, max) {
    super(host, `${chart.title}, over time`, timeline);
    this.unit = chart.unit;
    this.size = size;
    this.max = max;
    this.series = chart.series;
    this.limits = chart.limits;
    this.marks = chart.marks;
    this.events = chart.marks
      .filter(([kind]) => kind === "event" || kind === "incident")
      .sort((a, b) => a[1] - b[1]);
    this.fits = (chart.fits ?? []).map((fit) => new Fit(fit));
    this.hidden = new Set();
    stack(this.series);
    if (size !== "panel") host.before(...this.legend());
  }

  // Beyond the whole run, to where projections are shown.
  get ends() {
    const { window, zoomed, axis } = this.timeline;
    if (zoomed || axis !== "ms") return window;
    return [window[0], Math.max(window[1], ...this.fits.map(({ until }) => until))];
  }

  // Returns whether it has the axis of that edge. In a grid of panels, only those at the edges have it.
  isEdge(side) {
    const { edge } = this.host.dataset;
    return edge === undefined || edge.split(" ").includes(side);
  }

  get margins() {
    if (this.size !== "panel") return { left: this.gutter, bottom: 28 };
    if (this.host.dataset.edge === undefined) return { left: 44, bottom: 28 };
    return { left: this.isEdge("left") ? 50 : 6, bottom: this.isEdge("bottom") ? 28 : 8 };
  }

  positions(series) {
    return this.timeline.base === "ms" ? series.t : series.c;
  }

  // The place of a point. Its own cycles are more exact than those of its time.
  xOf(series, index, position) {
    const { axis, base } = this.timeline;
    const cycles = axis === "cycles" && base === "ms" ? series.c[index] : null;
    return cycles === null ? this.x(position) : this.value(cycles);
  }

  // The place of a mark, which may know its cycles.
  xOfMark([, from, , , cycles]) {
    return (cycles ?? null) !== null && this.timeline.axis === "cycles" ? this.value(cycles) : this.x(from);
  }

  get shown() {
    return this.series.filter((series) => !this.hidden.has(series));
  }

  legend() {
    this.values = new Map();
    const items = this.series.map((series) => {
      const value = html("span", { class: "value" });
      this.values.set(series, value);
      const button = html(
        "button",
        { type: "button", "aria-pressed": "true", class: `${series.tone} ${series.style}` },
        html("span", { class: "key" }),
        series.name,
        value,
      );
      button.addEventListener("click", () => this.toggle(series, button));
      return html("li", {}, button);
    });
    if (this.fits.length > 0) {
      const key = html("span", { class: "key fit" });
      items.push(html("li", { class: "mark" }, key, "fitted line with its 95 % CI"));
    }
    const kinds = new Set(this.marks.map(([kind]) => kind));
    for (const [kind, text] of DATA.marks) {
      if (kinds.has(kind)) {
        const item = html("li", { class: "mark" }, html("span", { class: `key ${kind}` }), text);
        if (kind === "settle") this.settleItem = item;
        items.push(item);
      }
    }
    const legend = html("ul", { class: "legend" }, ...items);
    const far = this.limits.filter((limit) => !this.near(limit));
    const texts = far.map(([name, value]) => {
      const share = (100 * this.highest()) / value;
      const reached =
        share < 0.1 ? "Less than 0.1 %" : `Up to ${PARTS.format(Math.round(share * 10) / 10)} %`;
      return html(
        "p",
        { class: "limit" },
        `${reached} of the limit ${name} (${amount(value, this.unit)}).`,
      );
    });
    return [legend, ...texts];
  }

  toggle(series, button) {
    const hide = !this.hidden.has(series);
    if (hide) this.hidden.add(series);
    else this.hidden.delete(series);
    button.setAttribute("aria-pressed", String(!hide));
    this.known = null;
    this.draw();
  }

  highest() {
    return Math.max(0, ...this.series.map((series) => highestOf(series.top ?? series.v)));
  }

  // A limit is drawn to scale if it is not far above every amount.
  near([, value]) {
    const reached = this.fits.some((fit) => fit.limit?.[0] === value && fit.reached <= fit.until);
    return reached || value <= Math.max(this.max ?? 0, this.highest()) * 1.6;
  }

  // The lowest and the highest amount of the axis in the window.
  range() {
    const [from, to] = this.timeline.window;
    let [low, high] = [Infinity, -Infinity];
    for (const series of this.shown) {
      const positions = this.positions(series);
      const first = Math.max(firstFrom(positions, from) - 1, 0);
      const last = Math.min(firstFrom(positions, to) + 1, positions.length);
      for (let index = first; index < last; index += 1) {
        const value = series.top ? series.top[index] : series.v[index];
        if (value === null) continue;
        low = Math.min(low, series.top ? 0 : value);
        high = Math.max(high, value);
      }
    }
    if (low > high) return [0, 1];
    if (this.max !== undefined) return [0, this.max || 1];
    if (!this.timeline.zoomed) {
      for (const limit of this.limits) if (this.near(limit)) high = Math.max(high, limit[1]);
      for (const fit of this.fits) high = Math.max(high, fit.on(Math.min(this.ends[1], fit.reached)));
    }
    // From 0, unless that would flatten the lines.
    if (low < high * 0.6 || high < 50 || low === high) return [Math.min(low, 0), high || 1];
    const length = Math.max(high - low, high * 0.04);
    return [Math.max(0, low - length * 0.5), low + length * 1.2];
  }

  stops() {
    if (!this.known) {
      const all = new Set(this.shown.flatMap((series) => this.positions(series)));
      this.known = [...all].filter((position) => position !== null).sort((a, b) => a - b);
    }
    return this.known;
  }

  draw() {
    const [first, final] = this.ends.map((position) => this.timeline.toAxis(position));
    const { left: edge, bottom: foot } = this.margins;
    const wide = linear(first, final, edge, this.width - 12);
    const xOf = (position) => wide(this.timeline.toAxis(position));
    const labels = placeLabels(this.events, xOf, edge, this.width - 12);
    const drawing = this.begin(HEIGHTS[this.size] - 28 + foot + labels.height, {
      left: edge,
      right: 12,
      top: 12 + labels.height,
      bottom: foot,
    });
    this.scaled();
    const { left, right, top, bottom } = this.bounds;
    const [low, high] = this.range();
    const { ticks, write } = amountTicks(low, high, (bottom - top) / 44, this.unit);
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : 0;
    // To the next tick, unless that leaves much of the chart empty.
    const next = step > 0 ? Math.ceil(high / step - 1e-9) * step : high;
    const reach = (next - high) / (next - low || 1) < 0.2 ? next : high;
    if (step > 0 && reach === next && ticks[ticks.length - 1] < next) ticks.push(next);
    this.y = linear(low, reach, bottom, top);
    const clip = `clip-${this.timeline.plots.indexOf(this)}-${this.timeline.base}`;
    drawing.append(
      svg(
        "clipPath",
        { id: clip },
        svg("rect", {
          x: left,
          y: top - 6,
          width: right - left + (this.timeline.zoomed ? 0 : 6),
          // Dots at the lowest amount are whole.
          height: bottom - top + 10,
        }),
      ),
    );
    const inside = svg("g", { "clip-path": `url(#${clip})` });
    this.drawStretches(inside);
    drawing.append(this.drawAmounts(ticks, write));
    if (low > 0) {
      drawing.append(
        svg(
          "text",
          { class: "from", x: right, y: bottom - 6, "text-anchor": "end" },
          "axis does not begin at 0",
        ),
      );
    }
    this.drawMoments(inside);
    const [, last] = this.ends;
    const end = this.timeline.whole[1];
    if (last > end) {
      const x = this.x(end);
      inside.prepend(
        svg("rect", { class: "ahead", x, y: top, width: right - x, height: bottom - top }),
      );
    }
    inside.append(...this.fits.map((fit) => fit.band(this, last)));
    // Beneath the series, whose colours they would hide.
    inside.append(...this.fits.flatMap((fit) => fit.line(this, last)));
    for (const series of this.shown) inside.append(...this.drawSeries(series));
    drawing.append(inside, ...this.drawLimits());
    this.drawIncidents(drawing, labels);
    // Over the lines of events, which would cross the words.
    for (const fit of this.fits) if (last > end) drawing.append(...fit.label(this, last));
    if (this.isEdge("bottom")) this.drawAxis(drawing, (right - left) / 90);
    this.selection = svg("rect", {
      class: "selection",
      x: left,
      y: top,
      width: 0,
      height: bottom - top,
    });
    this.cursor = svg("g", { class: "cursor" });
    drawing.append(this.selection, this.cursor);
    this.pointed();
  }

  drawAmounts(ticks, write) {
    const { left, right } = this.bounds;
    const axis = svg("g", { class: "axis" });
    for (const tick of ticks) {
      const y = this.y(tick);
      axis.append(svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }));
      if (this.isEdge("left"))
        axis.append(svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, write(tick)));
    }
    return axis;
  }

  // The top of the marks of a kind: the chart's own or, of many marks, near its foot.
  markTop(kind) {
    const { left, right, top, bottom } = this.bounds;
    const [from, to] = this.timeline.window;
    const seen = this.marks.filter((mark) => mark[0] === kind && mark[2] >= from && mark[1] <= to);
    return seen.length > (right - left) / 36 ? bottom - 12 : top;
  }

  // Settle times have no place on an axis of cycles.
  drawStretches(into) {
    const isTime = this.timeline.axis === "ms";
    if (this.settleItem) this.settleItem.hidden = !isTime;
    if (!isTime) return;
    const y = this.markTop("settle");
    for (const [kind, from, to] of this.marks) {
      if (kind !== "settle") continue;
      const x = this.x(from);
      into.append(
        svg("rect", {
          class: "settle",
          x,
          y,
          height: this.bounds.bottom - y,
          width: Math.max(this.x(to) - x, 1),
        }),
      );
    }
  }

  drawMoments(into) {
    const { bottom } = this.bounds;
    const path = (kind, y1, y2) =>
      this.marks
        .filter((mark) => mark[0] === kind)
        .map((mark) => `M${this.xOfMark(mark).toFixed(1)} ${y1}V${y2}`)
        .join("");
    into.append(
      svg("path", { class: "barrier", d: path("barrier", this.markTop("barrier"), bottom) }),
      svg("path", { class: "drop", d: path("drop", bottom - 6, bottom) }),
    );
  }

  drawSeries(series) {
    const x = this.positions(series).map((position, index) => this.xOf(series, index, position));
    const heights = (series.top ?? series.v).map((value) =>
      value === null ? null : this.y(value),
    );
    const line = pathOf(x, heights);
    const drawn = [];
    if (series.style === "stacked") {
      const floors = series.floor.map((value) => this.y(value));
      const back = x.map((each, index) => `L${each.toFixed(1)} ${floors[index].toFixed(1)}`);
      drawn.push(
        svg("path", { class: `${series.tone} stack`, d: `${line}${back.reverse().join("")}Z` }),
      );
    }
    drawn.push(svg("path", { class: `${series.tone} line ${series.style}`, d: line }));
    // A single point makes no line.
    const dots = series.style === "dots" || x.length === 1;
    const apart = (this.bounds.right - this.bounds.left) / x.length;
    const radius = clamp(apart / 5, 1.8, this.size === "panel" ? 2.8 : 3.4);
    if (dots && x.length <= 400) {
      x.forEach((cx, index) => {
        if (heights[index] !== null) {
          drawn.push(
            svg("circle", {
              class: `${series.tone} dot${radius < 2.4 ? " small" : ""}`,
              cx,
              cy: heights[index],
              r: radius,
            }),
          );
        }
      });
    }
    return drawn;
  }

  drawLimits() {
    const { left, right, top, bottom } = this.bounds;
    return this.limits
      .filter((limit) => this.near(limit))
      .flatMap(([name, value]) => {
        const y = this.y(value);
        if (y < top - 1 || y > bottom) return [];
        const line = svg("line", { class: "limit", x1: left, x2: right, y1: y, y2: y });
        // The projection names the limit that it reaches.
        if (this.ends[1] > this.timeline.whole[1] && this.fits.some((fit) => fit.limit?.[0] === value))
          return [line];
        return [
          line,
          svg(
            "text",
            // At the left, since amounts rise to a limit at the right.
            { class: "limit", x: left + 6, y: y < top + 16 ? y + 14 : y - 6 },
            `${name} ${amount(value, this.unit)}`,
          ),
        ];
      });
  }

  // Events and incidents, each with its label in a lane above the plot.
  drawIncidents(drawing, labels) {
    const { left, right, top, bottom } = this.bounds;
    const labelled = new Map(labels.placed.map((label) => [label.mark, label]));
    for (const mark of this.events) {
      const [kind, from] = mark;
      const x = this.x(from);
      if (x < left - 1 || x > right + 1) continue;
      const label = labelled.get(mark);
      const base = top - 10 - (label?.lane ?? 0) * LANE;
      drawing.append(svg("path", { class: kind, d: `M${x} ${label ? base + 3 : top}V${bottom}` }));
      if (label)
        drawing.append(svg("text", { class: `label ${kind}`, x: label.start, y: base }, label.text));
      if (kind === "incident")
        drawing.append(svg("path", { class: "incident head", d: `M${x - 5} ${top - 8}h10l-5 8z` }));
    }
    for (const mark of this.marks) {
      const x = this.xOfMark(mark);
      if (mark[0] === "onset" && x >= left - 1 && x <= right + 1)
        drawing.append(
          svg("path", { class: "onset", d: `M${x} ${bottom - 20}l5 10h-10z` }),
        );
    }
    if (this.size !== "main") return;
    // Labels say what the words of incidents would.
    if (labels.placed.length === 0) drawing.append(...this.drawWords("incident"));
    drawing.append(...this.drawWords("onset"));
  }

  // The words of the first mark of a kind in the window: those of an incident at the side of its line
  // that has more room, those of the first drop at the right, where a rising series leaves room. The
  // rest of a long text is in the verdict and in the tooltip.
  drawWords(kind) {
    const { left, right, bottom } = this.bounds;
    const seen = this.marks.find((mark) => {
      const x = this.xOfMark(mark);
      return mark[0] === kind && x >= left - 1 && x <= right + 1;
    });
    if (!seen) return [];
    const isIncident = kind === "incident";
    const text = isIncident ? seen[3].split(": ")[0] : `first: ${seen[3]}`;
    const x = isIncident ? this.xOfMark(seen) : right + 4;
    const before = x - left > right - x;
    const room = Math.floor((before ? x - left : right - x) / 6.6) - 2;
    const cut = text.length > room ? `${text.slice(0, Math.max(room - 1, 0))}…` : text;
    const place = { x: before ? x - 8 : x + 8, y: bottom - (isIncident ? 58 : 36) };
    const anchor = before ? "end" : "start";
    return [svg("text", { class: `${kind} words`, ...place, "text-anchor": anchor }, cut)];
  }

  // The point of each series that is nearest to the cursor.
  valuesAt(cursor) {
    return this.shown.flatMap((series) => {
      const positions = this.positions(series);
      const index = nearest(positions, cursor);
      if (index < 0 || series.v[index] === null) return [];
      return [{ series, index, position: positions[index], value: series.v[index] }];
    });
  }

  pointed() {
    if (!this.drawn || !this.cursor) return;
    const { cursor, source, window } = this.timeline;
    this.cursor.replaceChildren();
    for (const value of this.values?.values() ?? []) value.textContent = "";
    if (cursor === null || cursor < window[0] || cursor > window[1]) {
      this.hideTip();
      return;
    }
    const x = this.x(cursor);
    const { top, bottom } = this.bounds;
    this.cursor.append(svg("line", { x1: x, x2: x, y1: top, y2: bottom }));
    const values = this.valuesAt(cursor);
    for (const { series, index, position, value } of values) {
      const y = this.y(series.top ? series.top[index] : value);
      this.cursor.append(
        svg("circle", {
          class: `${series.tone} dot`,
          cx: this.xOf(series, index, position),
          cy: y,
          r: 4,
        }),
      );
      const shown = this.values?.get(series);
      if (shown) shown.textContent = amount(value, this.unit);
    }
    if (source !== this) {
      this.hideTip();
      return;
    }
    const rows = values.map(({ series, index, position, value }) => ({
      tone: series.tone,
      name: series.name,
      value: amount(value, this.unit),
      note:
        (position === cursor
          ? ""
          : `at ${this.timeline.base === "ms" ? moment(position) : grouped(position)}, `) +
        `line ${series.l[index]}`,
    }));
    for (const [kind, , , text] of this.marksAt(cursor)) {
      rows.push({ tone: `mark-${kind}`, name: text });
    }
    this.showTip(x, (top + bottom) / 2, this.heading(cursor, values), rows);
  }

  heading(cursor, values) {
    const here = values.find(({ position }) => position === cursor);
    return this.timeline.words(cursor, here ? here.series.c[here.index] : null);
  }

  marksAt(cursor) {
    const reach = Math.abs(this.positionAt(this.bounds.left + 4) - this.positionAt(this.bounds.left));
    const near = this.marks.filter(
      ([, from, to]) => cursor >= from - reach && cursor <= to + reach,
    );
    return near.sort((a, b) => Math.abs(a[1] - cursor) - Math.abs(b[1] - cursor)).slice(0, 3);
  }

  said(cursor) {
    const values = this.valuesAt(cursor);
    const each = values.map(({ series, value }) => `${series.name} ${amount(value, this.unit)}`);
    return `${this.heading(cursor, values)}: ${each.join(", ")}`;
  }
}

function highestOf(values) {
  return values.reduce((max, value) => (value === null ? max : Math.max(max, value)), 0);
}

// A path through the points that are known.
function pathOf(x, y) {
  let path = "";
  let open = false;
  for (let index = 0; index < x.length; index += 1) {
    if (y[index] === null) open = false;
    else {
      path += `${open ? "L" : "M"}${x[index].toFixed(1)} ${y[index].toFixed(1)}`;
      open = true;
    }
  }
  return path;
}
