// One chart for each of several runs. They share a scale, a window and a cursor.

function drawPanels(chart, hosts) {
  const panels = chart.panels.map((panel) => ({ ...panel, series: panel.series.map(readSeries) }));
  const all = panels.flatMap((panel) => panel.series);
  const byCycles = all.every((series) => series.c.every((cycles) => cycles !== null));
  const base = byCycles ? "cycles" : "ms";
  const end = Math.max(1, ...all.map((series) => highestOf(byCycles ? series.c : series.t)));
  const timeline = new Timeline(0, end, base, { positions: [], cycles: [] });
  const max = Math.max(1, ...all.map((series) => highestOf(series.v)));
  const plots = hosts.map((host) => {
    const panel = panels[Number(host.dataset.panel)];
    // Marks have times, and an axis of cycles has no place for those.
    const marks = byCycles ? [] : panel.marks;
    const name = host.dataset.name ?? host.parentElement.querySelector("h3")?.textContent;
    const title = name ? `${chart.title}: ${name}` : chart.title;
    // A single one has its own legend.
    const size = panels.length > 1 ? "panel" : sizeOf(host);
    return new LineChart(host, { ...panel, title, limits: [], marks }, timeline, size, max);
  });
  if (panels.length === 1) return timeline;
  const grid = hosts[0].closest(".scroll.bare");
  const seen = new Map(all.map((series) => [series.name, series]));
  const legend = [...seen.values()].map(({ name, tone, style }) => {
    const button = html(
      "button",
      { type: "button", "aria-pressed": "true", class: `${tone} ${style}` },
      html("span", { class: "key" }),
      name,
    );
    button.addEventListener("click", () => {
      for (const plot of plots) {
        const one = plot.series.find((series) => series.name === name);
        if (one) plot.toggle(one, button);
      }
    });
    return html("li", {}, button);
  });
  (grid ?? hosts[0].closest(".panels")).before(
    html(
      "ul",
      { class: "legend" },
      ...legend,
      html("li", { class: "muted" }, byCycles ? "over cycles" : "over time"),
    ),
  );
  return timeline;
}
