// Verified releases: a block for each barrier, in a lane for each witness.

const LANES = { first: 30, second: 16, label: 20, gap: 16 };

class ProofChart extends PartsPlot {
  constructor(host, chart) {
    const parts = chart.stretches.map(
      ([subject, cycles, barriers, released, late, disagreements, line]) => ({
        subject,
        cycles,
        barriers,
        released,
        late,
        disagreements,
        line,
      }),
    );
    super(host, `${chart.title}: one block for each barrier`, parts);
    this.chart = chart;
    let before = 0;
    this.starts = parts.map(({ released }) => {
      before += released;
      return before - released;
    });
    this.total = before + (parts.some(({ disagreements }) => disagreements) ? 0 : chart.rest);
  }

  span(index) {
    const { released } = this.parts[index];
    return [this.x(this.starts[index]), this.x(this.starts[index] + released)];
  }

  draw() {
    const { first, second, label, gap } = LANES;
    const drawing = this.begin(2 * label + first + gap + second + 34, {
      left: 1,
      right: 1,
      top: label,
      bottom: 34,
    });
    const { left, right, top, bottom } = this.bounds;
    this.x = linear(0, Math.max(this.total, 1), left, right);
    const below = top + first + gap + label;
    const late = this.parts.reduce((sum, part) => sum + part.late, 0);
    const disagreements = this.parts.reduce((sum, part) => sum + part.disagreements, 0);
    const released = grouped(this.starts.length ? this.chart.released : 0);
    const lane = (y, name, text) =>
      svg(
        "text",
        { class: "lane", x: left, y: y - 7 },
        svg("tspan", { class: "name" }, this.width < 420 ? name.replace(/,.*:/, ":") : name),
        ` ${text}`,
      );
    const ofLate = late > 0 ? `, ${grouped(late)} of them late` : "";
    const beside = disagreements > 0 ? `${grouped(disagreements)} disagreements` : "0 still held";
    drawing.append(
      lane(top, "death watch, inside:", `${released} destroyed${ofLate}`),
      lane(below, "scan of /proc, outside:", beside),
    );
    this.parts.forEach((part, index) => {
      const [from, to] = this.span(index);
      // A gap, unless that would hide a narrow block.
      const width = Math.max(to - from - (to - from > 4 ? 1.5 : 0), 0.5);
      const rect = (tone, y, height) =>
        svg("rect", { class: `block ${tone}`, x: from, y, width, height });
      const ofLate = part.late > 0 ? Math.max((first * part.late) / part.released, 2) : 0;
      drawing.append(rect("tone-good", top, first - ofLate));
      if (ofLate > 0) drawing.append(rect("tone-warning", top + first - ofLate, ofLate));
      drawing.append(rect(part.disagreements > 0 ? "tone-warning" : "tone-good", below, second));
    });
    const end = this.parts.length > 0 ? this.span(this.parts.length - 1)[1] : left;
    if (right - end > 0.5 && this.chart.rest > 0) {
      for (const [y, height] of [
        [top, first],
        [below, second],
      ])
        drawing.append(svg("rect", { class: "rest", x: end, y, width: right - end, height }));
    }
    drawing.append(this.drawImages());
    this.cursor = svg("g", { class: "cursor" });
    drawing.append(this.cursor);
    this.choose(this.part);
  }

  drawImages() {
    const { left, right, bottom } = this.bounds;
    const axis = svg("g", { class: "axis" });
    const { ticks, write } = amountTicks(0, this.total, (right - left) / 110, "count");
    for (const tick of ticks) {
      const x = this.x(tick);
      const text = tick === 0 ? "0 images" : write(tick);
      const anchor = tick === 0 ? "start" : x > right - 20 ? "end" : "middle";
      axis.append(
        svg("line", { class: "frame", x1: x, x2: x, y1: bottom + 4, y2: bottom + 9 }),
        svg("text", { x, y: bottom + 23, "text-anchor": anchor }, text),
      );
    }
    return axis;
  }

  words(index) {
    const { subject, cycles, barriers, released, late, disagreements, line } = this.parts[index];
    const whose = this.chart.several ? ` of process ${subject}` : "";
    const heading =
      barriers === 1
        ? `barrier${whose} after ${grouped(cycles)} cycles`
        : `${grouped(barriers)} barriers, until cycle ${grouped(cycles)}${whose}`;
    const rows = [{ tone: "tone-good", name: "released", value: grouped(released) }];
    if (late > 0) rows.push({ tone: "tone-warning", name: "of them late", value: grouped(late) });
    rows.push(
      disagreements > 0
        ? { tone: "tone-warning", name: "disagreements", value: grouped(disagreements) }
        : { tone: "tone-good", name: "still held", value: "0" },
    );
    rows[rows.length - 1].note = `line ${line}`;
    return { heading, rows };
  }
}
