// Labels of events above a plot.

const LANE = 14;
const LANES_MAX = 3;

// Places the labels of `marks` in lanes, in the order of time, where they do not cover each other. A
// label without room is left out: pointing shows its event.
function placeLabels(marks, xOf, left, right) {
  const lanes = [];
  const placed = [];
  for (const mark of marks) {
    const [, from, , , , text] = mark;
    const x = xOf(from);
    if (!text || x < left - 1 || x > right + 1) continue;
    const width = text.length * 6.4 + 8;
    const start = Math.min(x + 4, right - width);
    let lane = lanes.findIndex((free) => free <= start);
    if (lane < 0 && lanes.length < LANES_MAX) lane = lanes.push(0) - 1;
    if (lane < 0) continue;
    lanes[lane] = start + width;
    placed.push({ mark, x, start, lane, text });
  }
  return { placed, height: lanes.length * LANE };
}
