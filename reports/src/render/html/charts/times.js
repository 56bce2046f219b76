// A histogram of times on a logarithmic axis.

class TimesChart extends PartsPlot {
  constructor(host, chart, size) {
    super(host, `${chart.title}: histogram`, chart.bins);
    this.chart = chart;
    // Alone in its row it is the chart of a run without a leak.
    this.size = size === "whole" ? "main" : size;
  }

  draw() {
    const { bins } = this.chart;
    const drawing = this.begin(HEIGHTS[this.size], {
      left: this.gutter,
      right: 16,
      top: 48,
      bottom: 28,
    });
    const { left, right, top, bottom } = this.bounds;
    const scale = linear(
      Math.log10(Math.max(bins[0][0], 1)),
      Math.log10(Math.max(bins[bins.length - 1][1], 2)),
      left,
      right,
    );
    this.x = (ns) => clamp(scale(Math.log10(Math.max(ns, 1))), left, right);
    const counts = bins.map(([, , count]) => count).filter((count) => count > 0);
    const [min, max] = [Math.min(...counts), Math.max(...counts, 1)];
    // Small counts would not show beside counts a thousand times as large.
    this.logarithmic = counts.length > 0 && max / min > 1000;
    const high = linear(
      this.logarithmic ? Math.log10(0.5) : 0,
      this.logarithmic ? Math.log10(max) : max,
      bottom,
      top,
    );
    this.y = (count) => (count <= 0 ? bottom : high(this.logarithmic ? Math.log10(count) : count));
    drawing.append(this.drawCounts(max), this.drawTimes());
    bins.forEach(([from, to, count]) => {
      const [x, y] = [this.x(from), this.y(count)];
      drawing.append(
        svg("rect", {
          class: "bar",
          x: x + 0.5,
          y,
          width: Math.max(this.x(to) - x - 1, 1),
          height: Math.max(bottom - y, 0),
        }),
      );
    });
    drawing.append(...this.drawLines());
    this.cursor = svg("g", { class: "cursor" });
    drawing.append(this.cursor);
    this.choose(this.part);
  }

  drawCounts(max) {
    const { left, right, top, bottom } = this.bounds;
    const decades = [];
    for (let count = 1; count <= max; count *= 10) decades.push(count);
    const { ticks, write } = this.logarithmic
      ? { ticks: decades, write: (c) => compact(c, c) }
      : amountTicks(0, max, (bottom - top) / 40, "count");
    const axis = svg("g", { class: "axis" });
    for (const tick of ticks) {
      const y = this.y(tick);
      axis.append(
        svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
        svg("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, write(tick)),
      );
    }
    return axis;
  }

  drawTimes() {
    const { bins } = this.chart;
    const { left, right, bottom } = this.bounds;
    const axis = svg(
      "g",
      { class: "axis" },
      svg("line", { class: "frame", x1: left, x2: right, y1: bottom, y2: bottom }),
    );
    const [from, to] = [Math.max(bins[0][0], 1), bins[bins.length - 1][1]];
    const decades = Math.log10(to / from);
    const parts = decades < 2 ? [1, 2, 5] : [1];
    let free = -Infinity;
    for (let power = Math.floor(Math.log10(from)); 10 ** power <= to * 1.001; power += 1) {
      for (const part of parts) {
        const ns = part * 10 ** power;
        if (ns < from * 0.999 || ns > to * 1.001) continue;
        const x = this.x(ns);
        axis.append(svg("line", { class: "frame", x1: x, x2: x, y1: bottom, y2: bottom + 4 }));
        const [number, name] = inUnit(ns * 1.0000001, NANOSECONDS);
        const text = `${grouped(Math.round(number))} ${name}`;
        const half = text.length * 3.6;
        if (x - half < free) continue;
        free = x + half + 10;
        axis.append(
          svg(
            "text",
            { x: Math.min(x, right + 14 - half), y: bottom + 18, "text-anchor": "middle" },
            text,
          ),
        );
      }
    }
    return axis;
  }

  // Median, p99 and max, named above the bars.
  drawLines() {
    const { left, right, bottom } = this.bounds;
    const each = this.chart.lines
      .filter(([, ns]) => ns !== null)
      .map(([name, ns]) => ({ x: this.x(ns), text: `${name} ${durationNs(ns)}` }));
    const [lines, names] = [[], []];
    placeNames(each, left - 56, right + 16).forEach(({ row, side }, index) => {
      const { x, text } = each[index];
      const y = 38 - row * 14;
      const place = { x: x + 5 * side, y: y + 1, "text-anchor": side < 0 ? "end" : "start" };
      lines.push(svg("line", { class: "statistic", x1: x, x2: x, y1: y - 8, y2: bottom }));
      names.push(svg("text", { class: "statistic", ...place }, text));
    });
    return [...lines, ...names];
  }

  span(index) {
    const [from, to] = this.chart.bins[index];
    return [this.x(from), this.x(to)];
  }

  words(index) {
    const [from, to, count] = this.chart.bins[index];
    const share = (100 * count) / Math.max(this.chart.count, 1);
    return {
      heading: `${durationNs(from)} to ${durationNs(to)}`,
      rows: [{ name: "count", value: grouped(count), note: `${PARTS.format(share)}%` }],
    };
  }
}

// A row above the plot and a side of its line for each name: of all ways the one with the fewest names
// outside of the plot, over each other or crossed by a line, which reaches down from the row of its
// name; of those the lowest. Row 0 is the lowest, side -1 the left.
function placeNames(each, left, right) {
  const choices = [0, 1, 2].flatMap((row) => [-1, 1].map((side) => ({ row, side })));
  const placed = ({ x, text }, { row, side }) => {
    const width = text.length * 6.8 + 5;
    return { x, row, start: side < 0 ? x - width : x, end: side < 0 ? x : x + width };
  };
  const cost = (way) => {
    const names = way.map((choice, index) => placed(each[index], choice));
    let sum = 0;
    names.forEach((name, index) => {
      sum += name.row + (name.start < left || name.end > right ? 1000 : 0);
      names.forEach((other, of) => {
        if (of === index) return;
        const isCrossed = other.row >= name.row && name.start < other.x && other.x < name.end;
        const overlaps =
          other.row === name.row && name.start < other.end + 8 && other.start < name.end + 8;
        sum += (isCrossed ? 100 : 0) + (overlaps ? 100 : 0);
      });
    });
    return sum;
  };
  const ways = each.reduce(
    (some) => some.flatMap((way) => choices.map((choice) => [...way, choice])),
    [[]],
  );
  const costs = ways.map(cost);
  return ways[costs.indexOf(Math.min(...costs))];
}
