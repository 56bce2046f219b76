// The parts of every chart: a host that can be focused, a drawing, a cursor and a tooltip.

// A window that is narrower shows no page: a program that captures a whole page passes through such a size.
const WINDOW_MIN = 200;

class Plot {
  constructor(host, label) {
    this.host = host;
    this.drawing = () => this.draw();
    this.pointing = () => this.pointed();
    this.tip = html("div", { class: "tip", hidden: true });
    host.setAttribute("tabindex", "0");
    host.setAttribute("role", "application");
    host.setAttribute("aria-roledescription", "chart");
    host.setAttribute("aria-label", label);
    host.append(this.tip);
    this.width = 0;
    new ResizeObserver(() => {
      // Paper scales what is drawn.
      if (innerWidth < WINDOW_MIN || matchMedia("print").matches) return;
      if (host.clientWidth === this.width) return;
      this.measure();
      soon(this.drawing);
    }).observe(host);
  }

  measure() {
    this.width = Math.max(this.host.clientWidth, 100);
  }

  // A new drawing of `height` that replaces the last one.
  begin(height, margin) {
    this.height = height;
    this.bounds = {
      left: margin.left,
      top: margin.top,
      right: this.width - margin.right,
      bottom: height - margin.bottom,
    };
    const drawing = svg("svg", {
      viewBox: `0 0 ${this.width} ${height}`,
      "aria-hidden": "true",
    });
    this.drawn?.remove();
    this.drawn = drawing;
    this.host.prepend(drawing);
    return drawing;
  }

  // Room for the labels at the left.
  get gutter() {
    return this.width < 420 ? 56 : 64;
  }

  // Offset of a pointer in the drawing.
  at(event) {
    const box = this.drawn.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  hideTip() {
    this.tip.hidden = true;
  }

  // Shows a tooltip beside (`x`, `y`): a heading, then rows of swatch, name, value and note.
  showTip(x, y, heading, rows) {
    const lines = rows.map(({ tone, name, value, note }) =>
      html(
        "tr",
        {},
        html("td", {}, html("span", { class: tone ? `swatch ${tone}` : null })),
        html("th", { scope: "row", colspan: value || note ? null : 3 }, name),
        ...(value || note
          ? [
              html("td", { class: "number" }, value ?? ""),
              html("td", { class: "note" }, note ?? ""),
            ]
          : []),
      ),
    );
    this.tip.replaceChildren(
      html("p", {}, heading),
      html("table", {}, html("tbody", {}, ...lines)),
    );
    this.tip.hidden = false;
    const [width, height] = [this.tip.offsetWidth, this.tip.offsetHeight];
    const room = this.host.clientWidth;
    const left = x + 14 + width <= room ? x + 14 : Math.max(x - 14 - width, 0);
    this.tip.style.left = `${clamp(left, 0, Math.max(room - width, 0))}px`;
    this.tip.style.top = `${clamp(y - height / 2, 0, Math.max(this.height - height, 0))}px`;
  }
}

// A chart of parts side by side, each with a tooltip: `span(index)` are the pixels of its ends, and
// `words(index)` the heading and the rows.
class PartsPlot extends Plot {
  constructor(host, label, parts) {
    super(host, label);
    this.parts = parts;
    this.part = null;
    host.addEventListener("pointermove", (event) => this.hovered(event));
    host.addEventListener("pointerleave", () => this.choose(null));
    host.addEventListener("blur", () => this.choose(null));
    host.addEventListener("keydown", (event) => this.typed(event));
  }

  hovered(event) {
    if (!this.drawn) return;
    const [x] = this.at(event);
    const index = this.parts.findIndex((_, each) => {
      const [from, to] = this.span(each);
      return x >= from && x <= to;
    });
    this.choose(index < 0 ? null : index);
  }

  typed(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === "Escape") this.choose(null);
    const last = this.parts.length - 1;
    if (!step || last < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    this.choose(clamp(this.part === null ? (step < 0 ? last : 0) : this.part + step, 0, last));
    const { heading, rows } = this.words(this.part);
    announce(`${heading}: ${rows.map(({ name, value }) => `${name} ${value}`).join(", ")}`);
  }

  choose(index) {
    this.part = index;
    this.cursor?.replaceChildren();
    if (index === null || !this.cursor) {
      this.hideTip();
      return;
    }
    const [from, to] = this.span(index);
    const { top, bottom } = this.bounds;
    this.cursor.append(
      svg("rect", { class: "cell", x: from, y: top, width: to - from, height: bottom - top }),
    );
    const { heading, rows } = this.words(index);
    this.showTip(to, (top + bottom) / 2, heading, rows);
  }
}

// A chart over time or cycles. It shares its window and its cursor with the others.
class TimePlot extends Plot {
  constructor(host, label, timeline) {
    super(host, label);
    this.timeline = timeline;
    timeline.plots.push(this);
    this.fingers = new Map();
    host.addEventListener("pointermove", (event) => this.moved(event));
    host.addEventListener("pointerdown", (event) => this.pressed(event));
    host.addEventListener("pointerup", (event) => this.released(event));
    host.addEventListener("pointercancel", (event) => this.cancelled(event));
    host.addEventListener("pointerleave", () => {
      if (this.timeline.source === this && !this.drag) this.timeline.point(null, null);
    });
    host.addEventListener("dblclick", () => this.timeline.reset());
    host.addEventListener("wheel", (event) => this.wheeled(event), { passive: false });
    host.addEventListener("keydown", (event) => this.typed(event));
    host.addEventListener("blur", () => this.timeline.point(null, null));
  }

  // Pixels along the axis of time. Slot maps have that axis downwards.
  along(event) {
    return this.at(event)[0];
  }

  // The first and the last position of the axis.
  get ends() {
    return this.timeline.window;
  }

  scaled() {
    const [from, to] = this.ends.map((end) => this.timeline.toAxis(end));
    const scale = linear(from, to, this.bounds.left, this.bounds.right);
    this.x = (position) => scale(this.timeline.toAxis(position));
    this.value = scale;
    this.positionAt = (pixel) =>
      this.timeline.fromAxis(scale.back(clamp(pixel, this.bounds.left, this.bounds.right)));
  }

  moved(event) {
    if (this.fingers.has(event.pointerId)) this.fingers.set(event.pointerId, this.along(event));
    if (this.fingers.size === 2) {
      this.pinched();
      return;
    }
    if (this.drag) {
      this.drag.to = this.along(event);
      this.select(this.drag.from, this.drag.to);
    }
    this.hovered(event);
  }

  hovered(event) {
    const stops = this.stops();
    const index = nearest(stops, this.positionAt(this.along(event)));
    if (index >= 0) this.timeline.point(stops[index], this);
  }

  pressed(event) {
    if (event.button !== 0) return;
    this.fingers.set(event.pointerId, this.along(event));
    this.pinch = null;
    this.drag = this.fingers.size === 1 ? { from: this.along(event), to: this.along(event) } : null;
    this.select(0, 0);
    this.host.setPointerCapture(event.pointerId);
  }

  released(event) {
    this.fingers.delete(event.pointerId);
    const { drag } = this;
    this.cancelled(event);
    if (drag && Math.abs(drag.to - drag.from) >= 6) {
      const ends = [drag.from, drag.to].map((pixel) => this.positionAt(pixel));
      this.timeline.show(Math.min(...ends), Math.max(...ends));
    }
  }

  cancelled(event) {
    this.fingers.delete(event.pointerId);
    this.drag = null;
    this.pinch = null;
    this.select(0, 0);
  }

  // Two fingers zoom: the point between them stays between them.
  pinched() {
    const [a, b] = [...this.fingers.values()];
    const apart = Math.max(Math.abs(a - b), 1);
    if (this.pinch) this.timeline.zoom(this.pinch / apart, this.positionAt((a + b) / 2));
    this.pinch = apart;
  }

  wheeled(event) {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.timeline.zoom(
      Math.exp(clamp(event.deltaY, -50, 50) / 150),
      this.positionAt(this.along(event)),
    );
  }

  typed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const steps = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity };
    const { key } = event;
    const { timeline } = this;
    const [from, to] = timeline.window;
    if (key in steps) {
      this.step(event.shiftKey && Number.isFinite(steps[key]) ? steps[key] * 10 : steps[key]);
    } else if (key === "+" || key === "=") {
      timeline.zoom(0.5, timeline.cursor ?? (from + to) / 2);
    } else if (key === "-" || key === "_") {
      timeline.zoom(2, timeline.cursor ?? (from + to) / 2);
    } else if (key === "0" || key === "Escape") {
      timeline.reset();
    } else {
      return;
    }
    event.preventDefault();
    if (!(key in steps))
      announce(timeline.zoomed ? `zoomed to ${windowWords(timeline)}` : "whole run");
  }

  // Moves the cursor by that many points, and the window with it.
  step(by) {
    const stops = this.stops();
    if (stops.length === 0) return;
    const { timeline } = this;
    const [from, to] = timeline.window;
    let index;
    if (timeline.cursor !== null || !Number.isFinite(by)) {
      index = nearest(stops, timeline.cursor ?? from) + by;
    } else {
      index = by < 0 ? lastUpTo(stops, to) : firstFrom(stops, from);
    }
    const cursor = stops[clamp(index, 0, stops.length - 1)];
    if (cursor < from || cursor > to) {
      const start = cursor - (to - from) / 2;
      timeline.show(start, start + to - from);
    }
    timeline.point(cursor, this);
    announce(this.said(cursor));
  }

  // Shows the range that is being dragged over.
  select(from, to) {
    if (!this.selection) return;
    const [a, b] = [from, to].map((pixel) => clamp(pixel, this.bounds.left, this.bounds.right));
    this.selection.setAttribute("x", Math.min(a, b));
    this.selection.setAttribute("width", Math.abs(a - b));
  }

  drawAxis(drawing, about) {
    const { ticks, write } = this.timeline.ticks(about, this.ends);
    const { left, right, bottom } = this.bounds;
    const axis = svg(
      "g",
      { class: "axis" },
      svg("line", { class: "frame", x1: left, x2: right, y1: bottom, y2: bottom }),
    );
    let free = -Infinity;
    for (const tick of ticks) {
      const x = this.x(this.timeline.fromAxis(tick));
      if (x < left - 1 || x > right + 1) continue;
      axis.append(svg("line", { class: "frame", x1: x, x2: x, y1: bottom, y2: bottom + 4 }));
      const text = write(tick);
      const half = text.length * 3.4;
      const centre = clamp(x, half, this.width - half);
      if (centre - half < free) continue;
      free = centre + half + 8;
      axis.append(svg("text", { x: centre, y: bottom + 18, "text-anchor": "middle" }, text));
    }
    drawing.append(axis);
  }
}

function windowWords(timeline) {
  const [from, to] = timeline.window;
  if (timeline.axis === "ms") return `${moment(from)} to ${moment(to)}`;
  const [first, last] = [from, to].map((end) => grouped(Math.round(timeline.toAxis(end))));
  return `cycles ${first} to ${last}`;
}
