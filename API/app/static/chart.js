// Lines over time. What is drawn stands as JSON in the element that `data-chart` names.
"use strict";

(() => {
  const LEGEND_PX = 26;
  const drawn = new Map();
  const sizes = new ResizeObserver((changed) => {
    for (const { target } of changed) drawn.get(target)?.plot.setSize(size(target));
  });
  const size = (box) => ({ width: box.clientWidth, height: box.clientHeight - LEGEND_PX });
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name);
  /** Give a colour of the page as a canvas takes it. */
  function paint(name) {
    const probe = document.createElement("i");
    probe.style.color = colour(name);
    document.body.append(probe);
    const found = getComputedStyle(probe).color;
    probe.remove();
    return found;
  }
  const percent = new Intl.NumberFormat(document.documentElement.lang, { style: "percent", maximumFractionDigits: 1 });
  const day = new Intl.DateTimeFormat(document.documentElement.lang, { day: "numeric", month: "short" });
  const moment = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

  function options(box, source) {
    const axis = { stroke: () => paint("--soft"), grid: { stroke: () => paint("--line"), width: 1 }, ticks: { show: false } };
    return {
      ...size(box),
      padding: [8, 8, 0, 0],
      cursor: { y: false },
      scales: { y: { range: [0, 1] } },
      axes: [
        { ...axis, size: 28, space: 70, values: (_, ticks) => ticks.map((tick) => day.format(tick * 1000)) },
        { ...axis, size: 48, space: 28, values: (_, ticks) => ticks.map((tick) => percent.format(tick)) },
      ],
      series: [
        { label: source.dataset.when, value: (_, value) => (value === null ? "—" : moment.format(value * 1000)) },
        { label: source.dataset.what, stroke: () => paint("--accent"), fill: () => paint("--accent-ground"), width: 2,
          points: { show: false }, value: (_, value) => (value === null ? "—" : percent.format(value)) },
      ],
    };
  }

  function draw() {
    for (const [box, chart] of drawn) if (!box.isConnected) { chart.plot.destroy(); sizes.unobserve(box); drawn.delete(box); }
    for (const box of document.querySelectorAll("[data-chart]")) {
      const source = document.getElementById(box.dataset.chart);
      const text = source.dataset.points;
      const chart = drawn.get(box);
      if (chart?.text === text) continue;
      const points = JSON.parse(text);
      if (chart) chart.plot.setData(points);
      drawn.set(box, { text, plot: chart?.plot ?? new uPlot(options(box, source), points, box) });
      if (!chart) sizes.observe(box);
    }
  }

  document.addEventListener("console:ready", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const { plot } of drawn.values()) plot.redraw();
  });
  draw();
})();
