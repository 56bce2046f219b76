// Elements and texts. Names are data: they become text nodes and attribute values, never markup.

const DATA = JSON.parse(document.getElementById("data").textContent);

function make(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children);
  return node;
}

function html(tag, attributes = {}, ...children) {
  return make(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return make(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// Numbers from their differences; an unknown number stays null.
function summed(differences) {
  let before = 0;
  return differences.map((difference) => {
    if (difference === null) return null;
    before += difference;
    return before;
  });
}

// The index of the first of rising `values` that is at least `value`.
function firstFrom(values, value) {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// The index of the value nearest to `value` in rising `values`; -1 if there is none.
function nearest(values, value) {
  const after = firstFrom(values, value);
  if (after === 0) return values.length - 1 < 0 ? -1 : 0;
  if (after === values.length) return after - 1;
  return value - values[after - 1] <= values[after] - value ? after - 1 : after;
}

// The index of the last of rising `values` that is at most `value`; -1 if there is none.
function lastUpTo(values, value) {
  const from = firstFrom(values, value);
  return from < values.length && values[from] === value ? from : from - 1;
}

// The lingering images that were chosen, their slots by process, and those who show the choice; null
// for all.
const CHOICE = { images: null, slots: null, followers: [] };

const REDRAWS = new Set();

// Calls `redraw` once before the next frame, however often it is requested.
function soon(redraw) {
  if (REDRAWS.size === 0) {
    requestAnimationFrame(() => {
      const due = [...REDRAWS];
      REDRAWS.clear();
      for (const each of due) each();
    });
  }
  REDRAWS.add(redraw);
}

let announcing = 0;

// Lets a screen reader read `text`, once the user stops pressing keys.
function announce(text) {
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    document.getElementById("live").textContent = text;
  }, 120);
}
