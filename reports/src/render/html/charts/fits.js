// Lines fitted to amounts that grow, with their confidence bands and projections.

class Fit {
  constructor(fit) {
    Object.assign(this, fit);
  }

  // The amount at a time: on the line, or on an end of the band.
  on(position, end = 0) {
    return this.value + this.perMs[end] * (position - this.at);
  }

  // The time at which it reaches the limit, if it does.
  get reached() {
    if (!this.limit) return Infinity;
    return this.at + (this.limit[0] - this.value) / this.perMs[0];
  }

  place(chart, position, side) {
    const x = chart.x(position).toFixed(1);
    return `${x} ${chart.y(this.on(position, side)).toFixed(1)}`;
  }

  band(chart, last) {
    const place = (position, side) => this.place(chart, position, side);
    const stops = [this.from, this.at, Math.min(last, this.reached)];
    const upper = stops.map((stop) => place(stop, stop < this.at ? 1 : 2));
    const lower = stops.map((stop) => place(stop, stop < this.at ? 2 : 1));
    const outline = [...upper, ...lower.reverse()].join("L");
    return svg("path", { class: `${this.tone} band`, d: `M${outline}Z` });
  }

  // The line; the part after its last point is dashed.
  line(chart, last) {
    const line = (from, to) => `M${this.place(chart, from)}L${this.place(chart, to)}`;
    const end = Math.min(last, this.reached);
    return [
      svg("path", { class: "fit", d: line(this.from, this.to) }),
      svg("path", { class: `${this.tone} fit projected`, d: line(this.to, end) }),
    ];
  }

  // The limit in words at the end of the projection.
  label(chart, last) {
    if (!this.limit) return [];
    const { right, top } = chart.bounds;
    const isReached = this.reached <= last;
    const x = chart.x(Math.min(last, this.reached));
    const y = chart.y(this.on(Math.min(last, this.reached)));
    const text = svg(
      "text",
      {
        class: "projection",
        x: Math.min(x, right),
        y: y - 10 < top + 4 ? y + 20 : y - 10,
        "text-anchor": "end",
      },
      isReached ? this.limit[1] : `→ ${this.limit[1]}`,
    );
    if (!isReached) return [text];
    return [svg("circle", { class: "reached", cx: x, cy: y, r: 4 }), text];
  }
}
