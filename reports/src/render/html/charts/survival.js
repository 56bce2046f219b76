// The share of dropped images that still linger, by the cycles since their drop.

class SurvivalChart extends PartsPlot {
  constructor(host, chart, size) {
    const bins = chart.bins.map(([from, to, dropped, counts]) => ({ from, to, dropped, counts }));
    super(host, `${chart.title}: share that lingers, by age`, bins);
    this.chart = chart;
    this.size = size;
    this.cycles = new Map(chart.cycles);
    CHOICE.followers.push(this.drawing);
    host.before(this.legend());
  }

  legend() {
    const items = this.chart.reasons.map(([tone, name]) =>
      html("li", {}, html("span", { class: `swatch ${tone}` }), `held by ${name}`),
    );
    if (this.chart.slots !== null) {
      const name = `expected: (1 − 1/S)^n, S = ${grouped(this.chart.slots)} slots`;
      const key = html("span", { class: "key" });
      items.push(html("li", { class: "tone-neutral expected" }, key, name));
    }
    return html("ul", { class: "legend" }, ...items);
  }

  span(index) {
    const { from, to } = this.parts[index];
    return [this.x(from), this.x(to)];
  }

  // The numbers of lingering images by age and reason: all listed ones, or the chosen ones.
  counts() {
    if (CHOICE.images === null) return this.parts.map(({ counts }) => counts);
    const [first] = this.parts;
    const counts = this.parts.map(() => this.chart.reasons.map(() => 0));
    for (const { process, dropped, tone } of CHOICE.images) {
      const older = (this.cycles.get(process) ?? 0) - dropped - 1 - first.from;
      const bin = Math.floor(Math.max(older, 0) / (first.to - first.from));
      const reason = this.chart.reasons.findIndex(([each]) => each === tone);
      if (counts[bin] && reason >= 0) counts[bin][reason] += 1;
    }
    return counts;
  }

  draw() {
    const drawing = this.begin(HEIGHTS[this.size] + 16, {
      left: this.gutter,
      right: 12,
      top: 12,
      bottom: 44,
    });
    const { left, right, top, bottom } = this.bounds;
    const [first, last] = [this.parts[0], this.parts[this.parts.length - 1]];
    this.x = linear(first.from, last.to, left, right);
    const y = linear(0, 1, bottom, top);
    const axis = svg("g", { class: "axis" });
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      axis.append(
        svg("line", { class: "grid", x1: left, x2: right, y1: y(share), y2: y(share) }),
        svg("text", { x: left - 8, y: y(share) + 4, "text-anchor": "end" }, `${share * 100} %`),
      );
    }
    drawing.append(axis);
    this.shown = this.counts();
    this.parts.forEach(({ dropped }, index) => {
      const [from, to] = this.span(index);
      let below = 0;
      if (CHOICE.images !== null && dropped > 0) {
        const all = this.parts[index].counts.reduce((sum, count) => sum + count, 0) / dropped;
        const top = y(Math.min(all, 1));
        const size = { width: Math.max(to - from - 1, 0.5), height: y(0) - top };
        drawing.append(svg("rect", { class: "others", x: from, y: top, ...size }));
      }
      this.shown[index].forEach((count, reason) => {
        if (count === 0 || dropped <= 0) return;
        const above = Math.min(below + count / dropped, 1);
        drawing.append(
          svg("rect", {
            class: `block ${this.chart.reasons[reason][0]}`,
            x: from,
            y: y(above),
            width: Math.max(to - from - (to - from > 4 ? 1 : 0), 0.5),
            height: y(below) - y(above),
          }),
        );
        below = above;
      });
    });
    if (this.chart.slots !== null) {
      const ages = Array.from({ length: 65 }, (_, n) => first.from + ((last.to - first.from) * n) / 64);
      const path = pathOf(ages.map(this.x), ages.map((age) => y(this.expected(age))));
      drawing.append(svg("path", { class: "tone-neutral line expected", d: path }));
    }
    drawing.append(this.drawAges(first, last));
    this.cursor = svg("g", { class: "cursor" });
    drawing.append(this.cursor);
    this.choose(this.part);
  }

  expected(age) {
    return (1 - 1 / this.chart.slots) ** age;
  }

  drawAges(first, last) {
    const { left, right, bottom } = this.bounds;
    const { ticks, write } = amountTicks(first.from, last.to, (right - left) / 90, "count");
    const axis = svg(
      "g",
      { class: "axis" },
      svg("line", { class: "frame", x1: left, x2: right, y1: bottom, y2: bottom }),
    );
    for (const tick of ticks) {
      const x = this.x(tick);
      const anchor = x > right - 16 ? "end" : "middle";
      axis.append(
        svg("line", { class: "frame", x1: x, x2: x, y1: bottom, y2: bottom + 4 }),
        svg("text", { x, y: bottom + 18, "text-anchor": anchor }, write(tick)),
      );
    }
    const middle = { x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" };
    axis.append(svg("text", middle, "cycles since the drop"));
    return axis;
  }

  words(index) {
    const { from, to, dropped } = this.parts[index];
    const percent = (share) => `${PARTS.format(Math.round(share * 1000) / 10)} %`;
    const rows = [{ name: "dropped", value: grouped(Math.round(dropped)) }];
    this.shown[index].forEach((count, reason) => {
      const [tone, name] = this.chart.reasons[reason];
      const note = dropped > 0 ? percent(Math.min(count / dropped, 1)) : "";
      if (count > 0) rows.push({ tone, name: `held by ${name}`, value: grouped(count), note });
    });
    if (this.chart.slots !== null)
      rows.push({ name: "expected", value: percent(this.expected((from + to) / 2)) });
    return { heading: `${grouped(from)} to ${grouped(to - 1)} cycles since the drop`, rows };
  }
}
