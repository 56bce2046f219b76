// Sorts and searches tables in place.

// Units of numbers as texts have them: `1,234`, `12.5 ms`, `41.2 MiB`, `×3.1`.
const SIZES = {
  ns: 1e-9,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  min: 60,
  h: 3600,
  day: 86400,
  days: 86400,
  bytes: 1,
  byte: 1,
  KiB: 1024,
  MiB: 1048576,
  GiB: 1073741824,
  TiB: 1099511627776,
  k: 1e3,
  M: 1e6,
};

function numberOf(cell) {
  if (cell === undefined) return NaN;
  if (cell.dataset.value !== undefined) return Number(cell.dataset.value);
  const found = cell.textContent
    .replace(/,/g, "")
    .match(/(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*([A-Za-zµ]*)/);
  return found ? Number(found[1]) * (SIZES[found[2]] ?? 1) : NaN;
}

function compare(a, b, isNumber) {
  if (!isNumber)
    return (a?.textContent ?? "").localeCompare(b?.textContent ?? "", "en", { numeric: true });
  const [x, y] = [numberOf(a), numberOf(b)];
  if (Number.isNaN(x) || Number.isNaN(y)) return 0;
  return x - y;
}

// The style sheet prints this many rows.
const ROWS_ON_PAPER = 50;

function activate(section) {
  const body = section.querySelector("tbody");
  const rows = [...body.rows];
  const headings = [...section.querySelectorAll("thead th")];
  headings.forEach((heading, column) => {
    const button = html("button", { type: "button" }, heading.textContent);
    heading.replaceChildren(button);
    button.addEventListener("click", () => sort(heading, column));
  });

  function sort(heading, column) {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of headings) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const isNumber = heading.classList.contains("number");
    // Unknown values stay at the end in both directions.
    const known = (row) => !isNumber || !Number.isNaN(numberOf(row.cells[column]));
    const ordered = rows
      .filter(known)
      .sort((a, b) => (down ? -1 : 1) * compare(a.cells[column], b.cells[column], isNumber));
    body.append(...ordered, ...rows.filter((row) => !known(row)));
  }

  const input = section.querySelector("input[type=search]");
  const status = section.querySelector(".shown-rows");
  const rest = Number(status.dataset.rest);
  const texts = rows.map((row) => row.textContent.toLowerCase());

  function search() {
    const words = input.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    let shown = 0;
    const chosen = section.id === "lingering-images" && CHOICE.images;
    const rowsOf = chosen ? new Set(CHOICE.images.map(({ row }) => row)) : null;
    rows.forEach((row, index) => {
      row.hidden =
        (rowsOf && !rowsOf.has(row)) || !words.every((word) => texts[index].includes(word));
      shown += row.hidden ? 0 : 1;
    });
    status.classList.toggle("cut", shown > ROWS_ON_PAPER);
    const more = rest > 0 ? `; ${grouped(rest)} more in the recording` : "";
    status.textContent = `showing ${grouped(shown)} of ${grouped(rows.length)}${more}`;
  }

  input.addEventListener("input", search);
  CHOICE.followers.push(search);
  search();
}
