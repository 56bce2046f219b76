// Draws all charts and connects the page's controls.

const ROOT = document.documentElement;

// The share of a row that a chart has.
function sizeOf(host) {
  const { classList } = host.parentElement;
  return ["main", "third", "half"].find((size) => classList.contains(size)) ?? "whole";
}

// The charts of one run over its time.
function drawRun(hosts) {
  const charts = hosts.map((host) => [host, DATA.charts[host.dataset.chart]]);
  for (const [, chart] of charts)
    if (chart.kind === "lines") chart.series = chart.series.map(readSeries);
  const lines = charts.filter(([, chart]) => chart.kind === "lines");
  // Times of a theory are not measured.
  const measured = ({ style }) => style !== "expected";
  const series = lines.flatMap(([, chart]) => chart.series).filter(measured);
  const ends = [1, ...series.map(({ t }) => t[t.length - 1] ?? 0)];
  for (const [, chart] of charts) {
    if (chart.kind === "slots")
      for (const { t } of chart.maps) ends.push(...summed(t).slice(-1));
    if (chart.kind === "lines") for (const [, , to] of chart.marks) ends.push(to);
  }
  const end = ends.reduce((latest, each) => Math.max(latest, each));
  const marks = lines.flatMap(([, chart]) => chart.marks);
  const settles = marks.filter(([kind]) => kind === "settle").map(([, from, to]) => [from, to]);
  const timeline = new Timeline(0, end, "ms", cyclesOf(series, settles, end));
  for (const [host, chart] of charts) {
    if (chart.kind === "lines") new LineChart(host, chart, timeline, sizeOf(host));
    if (chart.kind === "slots") new SlotChart(host, chart, timeline);
  }
  return timeline;
}

function controls(timelines) {
  const bar = document.getElementById("controls");
  if (!bar) return;
  const [run] = timelines.filter(({ base }) => base === "ms");
  const axis = document.getElementById("axis");
  axis.hidden = !run?.hasCycles;
  for (const button of axis.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      for (const each of axis.querySelectorAll("button")) {
        each.setAttribute("aria-pressed", String(each === button));
      }
      run.choose(button.dataset.axis === "time" ? "ms" : "cycles");
    });
  }
  const reset = document.getElementById("reset");
  const refresh = () => {
    const zoomed = timelines.filter((timeline) => timeline.zoomed);
    reset.hidden = zoomed.length === 0;
    document.getElementById("window").textContent = zoomed.map(windowWords).join("; ");
  };
  for (const timeline of timelines) timeline.changedWindow = refresh;
  reset.addEventListener("click", () => {
    for (const timeline of timelines) timeline.reset();
  });
  bar.hidden = timelines.length === 0;
}

// Measures all before drawing any: each measure after a drawing would lay out the page again.
function drawAll(plots) {
  for (const plot of plots) plot.measure();
  for (const plot of plots) plot.draw();
}

// The choice of light or dark holds while the page is open. Paper is light.
function themes(plots) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  const isDark = () => (ROOT.dataset.theme ? ROOT.dataset.theme === "dark" : system.matches);
  const name = () => {
    button.textContent = isDark() ? "Light" : "Dark";
    button.setAttribute("aria-label", `show in ${isDark() ? "light" : "dark"} colours`);
  };
  const changed = () => {
    name();
    for (const plot of plots) soon(plot.drawing);
  };
  button.hidden = false;
  button.addEventListener("click", () => {
    ROOT.dataset.theme = isDark() ? "light" : "dark";
    changed();
  });
  system.addEventListener("change", changed);
  name();
  let chosen;
  addEventListener("beforeprint", () => {
    chosen = ROOT.dataset.theme;
    ROOT.dataset.theme = "light";
    ROOT.classList.add("paper");
    drawAll(plots);
  });
  addEventListener("afterprint", () => {
    ROOT.classList.remove("paper");
    if (chosen === undefined) delete ROOT.dataset.theme;
    else ROOT.dataset.theme = chosen;
    for (const plot of plots) plot.measure();
    changed();
  });
}

function copying(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const code = button.parentElement.querySelector("code");
    getSelection().selectAllChildren(code);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      // The text is selected, so the keyboard can copy it.
      button.textContent = "Selected";
    }
    announce(button.textContent);
    setTimeout(() => {
      button.textContent = "Copy";
    }, 2000);
  });
}

function start() {
  ROOT.classList.add("scripted");
  for (const brief of document.querySelectorAll(".brief")) brief.open = false;
  // A chart without data stays empty.
  const has = ({ bins, maps, stretches }) =>
    (bins ?? maps ?? stretches)?.length !== 0;
  const hosts = [...document.querySelectorAll(".plot")].filter((host) =>
    has(DATA.charts[host.dataset.chart]),
  );
  const kind = (host) => DATA.charts[host.dataset.chart].kind;
  const timelines = [];
  const ofRun = hosts.filter((host) => !["times", "panels", "proof", "survival"].includes(kind(host)));
  if (ofRun.length > 0) timelines.push(drawRun(ofRun));
  const ofPanels = hosts.filter((host) => kind(host) === "panels");
  for (const id of new Set(ofPanels.map((host) => host.dataset.chart))) {
    timelines.push(
      drawPanels(
        DATA.charts[id],
        ofPanels.filter((host) => host.dataset.chart === id),
      ),
    );
  }
  const plots = timelines.flatMap((timeline) => timeline.plots);
  for (const host of hosts) {
    const chart = DATA.charts[host.dataset.chart];
    if (chart.kind === "times") plots.push(new TimesChart(host, chart, sizeOf(host)));
    if (chart.kind === "survival") plots.push(new SurvivalChart(host, chart, sizeOf(host)));
    if (chart.kind === "proof") plots.push(new ProofChart(host, chart));
  }
  controls(timelines);
  drawAll(plots);
  themes(plots);
  for (const status of document.querySelectorAll(".shown-rows")) activate(status.closest("section"));
  for (const button of document.querySelectorAll(".copy")) copying(button);
  const holders = document.getElementById("holders");
  if (holders) breakdown(holders, document.querySelector("#lingering-images table"));
}

start();
