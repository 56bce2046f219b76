// The holders of lingering images as a breakdown: by reason, then by slot, then image by image. A
// choice filters the table, the slot map and the survival.

// Groups of a level at most; more slots are grouped by about so many ranges.
const GROUPS_MAX = 50;
const RANGES = 20;

// The listed images, as the table has them.
function imagesOf(table) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent);
  const byProcess = names[0] === "process";
  return [...table.querySelectorAll("tbody tr")].map((row) => {
    const cells = [...row.cells];
    const age = cells.findIndex((cell) => cell.dataset.value !== undefined);
    const held = cells[age + 1];
    return {
      row,
      process: Number(byProcess ? cells[0].textContent : table.dataset.process),
      inode: cells[byProcess ? 1 : 0].textContent,
      dropped: Number(cells[age - 1].textContent.replace(/,/g, "")),
      age: cells[age].textContent,
      tone: held.querySelector(".swatch").classList[1],
      holder: held.textContent,
      slots: [...held.textContent.matchAll(/slot (\d+)/g)].map(([, slot]) => Number(slot)),
    };
  });
}

function groupBy(images, keysOf) {
  const groups = new Map();
  for (const image of images) {
    for (const key of keysOf(image)) {
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(image);
    }
  }
  return [...groups];
}

// Each level is a list of groups: a name, its images, its slots (null for all of its images), and the
// next level.
function byReason(images, names) {
  return groupBy(images, ({ tone }) => [tone]).map(([tone, of]) => ({
    name: names.get(tone),
    tone,
    images: of,
    slots: null,
    next: () => (of.every(({ slots }) => slots.length > 0) ? bySlot(of, 0, Infinity) : byHolder(of)),
  }));
}

function bySlot(images, from, to) {
  const within = (slots) => slots.filter((slot) => slot >= from && slot < to);
  const all = new Set(images.flatMap(({ slots }) => within(slots)));
  if (all.size <= GROUPS_MAX) {
    const groups = groupBy(images, ({ slots }) => within(slots)).sort(([a], [b]) => a - b);
    return groups.map(([slot, of]) => ({
      name: `slot ${grouped(slot)}`,
      images: of,
      slots: new Set([slot]),
      next: () => byImage(of, new Set([slot])),
    }));
  }
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const size = Math.max(niceStep((high - low + 1) / RANGES), 1);
  const groups = groupBy(images, ({ slots }) => [
    ...new Set(within(slots).map((slot) => Math.floor(slot / size))),
  ]);
  return groups
    .sort(([a], [b]) => a - b)
    .map(([range, of]) => {
      const [start, end] = [Math.max(range * size, from), Math.min((range + 1) * size, to)];
      return {
        name: `slots ${grouped(start)}–${grouped(end - 1)}`,
        images: of,
        slots: new Set([...all].filter((slot) => slot >= start && slot < end)),
        next: () => bySlot(of, start, end),
      };
    });
}

function byHolder(images) {
  const groups = groupBy(images, ({ holder }) => [holder]).sort(([, a], [, b]) => b.length - a.length);
  const level = groups.slice(0, GROUPS_MAX).map(([holder, of]) => ({
    name: holder,
    images: of,
    slots: null,
    next: () => byImage(of, null),
  }));
  const rest = groups.slice(GROUPS_MAX).flatMap(([, of]) => of);
  if (rest.length > 0) level.push({ name: "others", images: rest, slots: null, next: () => [] });
  return level;
}

function byImage(images, slots) {
  return images.map((image) => ({
    name: `inode ${image.inode}, dropped at cycle ${grouped(image.dropped)}, ${image.age} ago`,
    images: [image],
    slots,
    next: () => [],
  }));
}

function breakdown(section, table) {
  const images = imagesOf(table);
  const list = section.querySelector(".breakdown");
  const names = new Map(
    [...list.children].map((item) => [
      item.querySelector(".swatch").classList[1],
      item.querySelector(".name").textContent,
    ]),
  );
  const root = { name: "all", images, slots: null, next: () => byReason(images, names) };
  const crumbs = html("div", { class: "crumbs", role: "group", "aria-label": "chosen holders" });
  list.before(crumbs);
  let path = [root];

  // A group with its number of images, and a bar beside that of the largest group.
  function item(group, tone, largest, choose) {
    const bar = html("span", { class: `share ${tone}` });
    bar.style.width = `${(100 * group.images.length) / largest}%`;
    const button = html(
      "button",
      { type: "button" },
      html("span", { class: "name" }, group.name),
      " ",
      html("strong", {}, grouped(group.images.length)),
      html("span", { class: "track" }, bar),
    );
    button.addEventListener("click", choose);
    return html("li", {}, button);
  }

  function show(next, isFirst) {
    path = next;
    const last = path[path.length - 1];
    const tone = path.find((group) => group.tone)?.tone;
    crumbs.replaceChildren(
      ...path.map((group, index) => {
        const attributes = { type: "button", class: "control" };
        if (index === path.length - 1) attributes["aria-current"] = "true";
        const text = `${group.name} ${grouped(group.images.length)}`;
        const button = html("button", attributes, text);
        button.addEventListener("click", () => show(path.slice(0, index + 1)));
        return button;
      }),
    );
    const groups = last.next();
    const largest = groups.reduce((max, group) => Math.max(max, group.images.length), 1);
    list.replaceChildren(
      ...groups.map((group) =>
        item(group, group.tone ?? tone, largest, () => {
          show([...path, group]);
          (list.querySelector("button") ?? crumbs.lastElementChild).focus();
        }),
      ),
    );
    if (isFirst) return;
    choose(path.length > 1 ? last : null);
    announce(`${last.name}: ${grouped(last.images.length)} images`);
  }

  section.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || path.length === 1) return;
    show(path.slice(0, -1));
    crumbs.lastElementChild.focus();
  });
  // A single reason is no choice.
  const reasons = root.next();
  show(reasons.length === 1 ? [root, ...reasons] : path, true);
}

// Makes the images of a group those that the other parts show; all images without a group.
function choose(group) {
  CHOICE.images = group ? group.images : null;
  CHOICE.slots = null;
  if (group) {
    CHOICE.slots = new Map();
    for (const { process, slots } of group.images) {
      if (!CHOICE.slots.has(process)) CHOICE.slots.set(process, new Set());
      for (const slot of slots)
        if (!group.slots || group.slots.has(slot)) CHOICE.slots.get(process).add(slot);
    }
  }
  for (const follow of CHOICE.followers) soon(follow);
}
