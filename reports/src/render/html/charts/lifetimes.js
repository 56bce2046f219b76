// Lifetimes of lingering images: a bar for each, from the drop of its module.

class LifetimeChart extends TimePlot {
  constructor(host, chart, timeline) {
    super(host, `${chart.title}: one bar for each image`, timeline);
    this.bars = chart.bars.map(([name, from, to, tone, reason, holders, line]) => ({
      name,
      from,
      to,
      tone,
      reason,
      holders,
      line,
    }));
    this.bar = 0;
    const reasons = new Map(this.bars.map(({ tone, reason }) => [tone, reason]));
    host.before(
      html(
        "ul",
        { class: "legend" },
        ...[...reasons].map(([tone, reason]) =>
          html("li", {}, html("span", { class: `swatch ${tone}` }), `held by ${reason}`),
        ),
      ),
    );
  }

  stops() {
    return [...new Set(this.bars.flatMap(({ from, to }) => [from, to]))].sort((a, b) => a - b);
  }

  draw() {
    const narrow = this.width < 560;
    const tall = 16;
    const drawing = this.begin(this.bars.length * tall + 36, {
      left: narrow ? 112 : 212,
      right: 12,
      top: 4,
      bottom: 28,
    });
    this.tall = tall;
    this.scaled();
    const { left, right, top, bottom } = this.bounds;
    const longest = Math.floor((left - 12) / 6.3);
    this.bars.forEach(({ name, from, to, tone }, index) => {
      const y = top + index * tall;
      const [start, end] = [from, to].map((at) => clamp(this.x(at), left, right));
      const cut = name.length > longest ? `${name.slice(0, longest - 1)}…` : name;
      drawing.append(
        svg("text", { class: "name", x: left - 8, y: y + 12, "text-anchor": "end" }, cut),
        svg("rect", {
          class: `${tone} life`,
          x: start,
          y: y + 4,
          height: 8,
          width: Math.max(end - start, end > left && start < right ? 2 : 0),
        }),
      );
    });
    this.drawAxis(drawing, (right - left) / 90);
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

  hovered(event) {
    if (!this.drawn) return;
    const [x, y] = this.at(event);
    this.bar = clamp(Math.floor((y - this.bounds.top) / this.tall), 0, this.bars.length - 1);
    this.timeline.point(this.positionAt(x), this);
    soon(this.pointing);
  }

  typed(event) {
    const down = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!down || event.altKey || event.ctrlKey || event.metaKey) {
      super.typed(event);
      return;
    }
    event.preventDefault();
    const first = this.timeline.source !== this;
    this.bar = clamp(this.bar + (first ? 0 : down), 0, this.bars.length - 1);
    const { from } = this.bars[this.bar];
    this.timeline.point(clamp(from, ...this.timeline.window), this);
    soon(this.pointing);
    announce(this.said());
  }

  pointed() {
    if (!this.cursor) return;
    this.cursor.replaceChildren();
    const { cursor, source, window } = this.timeline;
    if (cursor === null || cursor < window[0] || cursor > window[1]) {
      this.hideTip();
      return;
    }
    const { left, right, top, bottom } = this.bounds;
    const x = this.x(cursor);
    this.cursor.append(svg("line", { x1: x, x2: x, y1: top, y2: bottom }));
    if (source !== this) {
      this.hideTip();
      return;
    }
    const bar = this.bars[this.bar];
    const y = top + this.bar * this.tall;
    this.cursor.append(
      svg("rect", { class: "cell", x: left, y, width: right - left, height: this.tall }),
    );
    this.showTip(x, y + this.tall / 2, bar.name, [
      { name: "dropped", value: moment(bar.from) },
      { name: "last seen", value: moment(bar.to) },
      { name: "lingered", value: moment(bar.to - bar.from) },
      { tone: bar.tone, name: `held by ${bar.holders || bar.reason}`, note: `line ${bar.line}` },
    ]);
  }

  said() {
    const { name, from, to, reason, holders } = this.bars[this.bar];
    return (
      `${name}, dropped at ${moment(from)}, last seen at ${moment(to)}, ` +
      `held by ${holders || reason}`
    );
  }
}
