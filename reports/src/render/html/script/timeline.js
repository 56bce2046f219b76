// The window and the cursor that charts over time share.
//
// Positions are in ms, or in cycles where runs are compared. The axis of a run shows cycles, since
// barriers take most of the time of a short one: each position stands at the cycles done by then, and
// a window in one is a window in the other.

class Timeline {
  constructor(from, to, base, cyclesAt) {
    this.whole = [from, Math.max(to, from + 1)];
    this.base = base;
    // Positions and the cycles done by then, both rising; empty if nothing counts cycles.
    this.cyclesAt = cyclesAt;
    const { cycles } = cyclesAt;
    this.hasCycles = base === "ms" && cycles.length > 1 && cycles[cycles.length - 1] > 0;
    this.axis = this.hasCycles ? "cycles" : base;
    this.window = this.whole;
    this.cursor = null;
    this.source = null;
    this.plots = [];
  }

  get zoomed() {
    return this.window[0] > this.whole[0] || this.window[1] < this.whole[1];
  }

  // Shows the part from `from` to `to` that lies within the run.
  show(from, to) {
    const [start, end] = this.whole;
    const min = Math.min(this.base === "ms" ? 2 : 1, end - start);
    const length = clamp(to - from, min, end - start);
    const first = clamp(from + (to - from - length) / 2, start, end - length);
    // Half a unit is a rounding error: the ends of the run are kept exact.
    const near = (a, b) => Math.abs(a - b) < 0.5;
    const last = first + length;
    this.window = [near(first, start) ? start : first, near(last, end) ? end : last];
    this.changed();
  }

  reset() {
    this.window = this.whole;
    this.changed();
  }

  // A factor below 1 zooms in. `around` keeps its place within the limits of the axis.
  zoom(factor, around) {
    const [start, end] = this.whole.map((position) => this.toAxis(position));
    const [from, to] = this.window.map((position) => this.toAxis(position));
    const centre = clamp(this.toAxis(around), from, to);
    const length = (to - from) * factor;
    const first = clamp(centre - (centre - from) * factor, start, Math.max(end - length, start));
    this.show(this.fromAxis(first), this.fromAxis(first + length));
  }

  point(cursor, source) {
    if (this.cursor === cursor && this.source === source) return;
    this.cursor = cursor;
    this.source = source;
    for (const plot of this.plots) soon(plot.pointing);
  }

  choose(axis) {
    this.axis = axis;
    this.changed();
  }

  changed() {
    for (const plot of this.plots) soon(plot.drawing);
    this.changedWindow?.();
  }

  // The value on the axis at a position.
  toAxis(position) {
    if (this.axis === this.base) return position;
    return between(position, this.cyclesAt.positions, this.cyclesAt.cycles);
  }

  fromAxis(value) {
    if (this.axis === this.base) return value;
    // The run may go on after its last cycle: the last cycle stands for the end of the run.
    const last = this.cyclesAt.cycles[this.cyclesAt.cycles.length - 1];
    if (value >= last * (1 - 1e-9)) return this.whole[1];
    return between(value, this.cyclesAt.cycles, this.cyclesAt.positions);
  }

  ticks(about, ends) {
    const [from, to] = ends.map((end) => this.toAxis(end));
    if (this.axis === "ms") return timeTicks(from, to, about);
    return amountTicks(from, to, about, "count");
  }

  // A position in words.
  words(position, cycles) {
    const done =
      cycles ??
      (this.base === "ms" && this.cyclesAt.positions.length > 0
        ? Math.round(between(position, this.cyclesAt.positions, this.cyclesAt.cycles))
        : null);
    if (this.base === "cycles") return `${grouped(Math.round(position))} cycles`;
    return done === null ? moment(position) : `${moment(position)} · ${grouped(done)} cycles`;
  }
}

// The value at `x` on the straight lines through the points (`xs`, `ys`), both rising.
function between(x, xs, ys) {
  const after = firstFrom(xs, x);
  if (after === 0) return ys[0];
  if (after === xs.length) return ys[ys.length - 1];
  const share = (x - xs[after - 1]) / (xs[after] - xs[after - 1]);
  return ys[after - 1] + share * (ys[after] - ys[after - 1]);
}

// Positions and cycles of all series, as two lists that rise. No cycle runs in the stretches of
// settle time, each of which ends at a barrier.
function cyclesOf(series, settles, end) {
  const points = [];
  for (const { t, c } of series) {
    c.forEach((cycles, index) => {
      if (cycles !== null) points.push([t[index], cycles]);
    });
  }
  const at = new Map(points);
  for (const [from, to] of settles) if (at.has(to)) points.push([from, at.get(to)]);
  points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const [positions, cycles] = [[], []];
  if (points.length === 0) return { positions, cycles };
  if (points[0][0] > 0) points.unshift([0, 0]);
  if (points[points.length - 1][0] < end) points.push([end, points[points.length - 1][1]]);
  for (const [position, done] of points) {
    const last = positions.length - 1;
    if (last >= 0 && position === positions[last]) cycles[last] = Math.max(cycles[last], done);
    else {
      positions.push(position);
      cycles.push(last >= 0 ? Math.max(cycles[last], done) : done);
    }
  }
  return { positions, cycles };
}
