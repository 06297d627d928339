// One script for every page: the theme, tables that sort and filter, and the charts. It asks nothing of any network.
(() => {
  "use strict";
  const root = document.documentElement;
  const darkScheme = window.matchMedia("(prefers-color-scheme: dark)");
  const KEY = "alphafactory-theme";

  // Theme. The choice is kept where the browser allows it; a page opened from disk may not be allowed.
  function keptTheme() {
    try { return window.localStorage.getItem(KEY); } catch { return null; }
  }
  function keepTheme(theme) {
    try { window.localStorage.setItem(KEY, theme); } catch { /* The choice then lasts as long as the page. */ }
  }
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : darkScheme.matches);
  const kept = keptTheme();
  if (kept === "dark" || kept === "light") root.dataset.theme = kept;

  function startTheme() {
    const button = document.getElementById("theme");
    const name = () => { button.textContent = isDark() ? "Light theme" : "Dark theme"; };
    button.hidden = false;
    name();
    button.addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      keepTheme(root.dataset.theme);
      name();
      drawCharts();
    });
    darkScheme.addEventListener("change", () => { name(); drawCharts(); });
  }

  // Tables. A cell's data-v is its number, empty when undefined; cells without one sort by their words.
  function keyOf(row, column) {
    const cell = row.cells[column];
    if (cell.dataset.v !== undefined) return cell.dataset.v === "" ? null : Number(cell.dataset.v);
    const words = cell.textContent.trim();
    return words === "—" || words === "" ? null : words;
  }
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  function compare(a, b, sign) {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b));
  }

  function startTable(table) {
    const body = table.tBodies[0];
    const state = { rows: [...body.rows], accepts: () => true };
    if (state.rows.some((row) => row.cells.length !== table.tHead.rows[0].cells.length)) return;
    table.showRows = () => body.replaceChildren(...state.rows.filter(state.accepts));
    table.filterRows = (accepts) => {
      state.accepts = accepts;
      table.showRows();
      return body.rows.length;
    };
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      button.addEventListener("click", () => {
        const numeric = heading.classList.contains("n");
        const now = heading.getAttribute("aria-sort");
        const next = now === null ? (numeric ? "descending" : "ascending") : now === "ascending" ? "descending" : "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", next);
        const sign = next === "ascending" ? 1 : -1;
        const keyed = state.rows.map((row) => ({ row, key: keyOf(row, column) }));
        keyed.sort((a, b) => compare(a.key, b.key, sign));
        state.rows = keyed.map(({ row }) => row);
        table.showRows();
      });
    });
    const first = headings.find((heading) => heading.textContent.trim() === table.dataset.sorted);
    if (first) first.setAttribute("aria-sort", "descending");
  }

  function startFilters(form) {
    const table = document.getElementById(form.dataset.filters);
    if (!table.filterRows) return;
    const field = (name) => form.elements.namedItem(name);
    const words = new Map([...table.tBodies[0].rows].map((row) => [row, wordsOf(row)]));
    const total = words.size;
    const apply = () => {
      const wanted = field("text").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
      const strategy = field("strategy").value;
      const sector = field("sector").value;
      const benchmark = field("benchmark").checked;
      const changed = field("changed") !== null && field("changed").checked;
      const shown = table.filterRows((row) =>
        (benchmark || row.dataset.benchmark === undefined) && (!changed || row.dataset.changed !== undefined)
        && (!strategy || row.dataset.strategy === strategy) && (!sector || row.dataset.sector === sector)
        && wanted.every((word) => words.get(row).includes(word)));
      form.querySelector("output").textContent = shown === total ? `${total} backtests` : `${shown} of ${total} backtests`;
    };
    form.hidden = false;
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    apply(); // A browser that reloads a page may put earlier choices back.
  }
  function wordsOf(row) {
    return [row.cells[0].textContent, row.dataset.name || "", row.dataset.strategy, row.dataset.sector].join(" ").toLowerCase();
  }

  // Charts. Python writes figures in their light colours; the dark form is the same figure with its colours exchanged.
  const CONFIG = {
    responsive: true, displaylogo: false, scrollZoom: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  };
  let page = null;
  let printing = false;
  const choices = { log: false, candles: false };

  function recolored(value, dark) {
    if (typeof value === "string") return dark[value] || value;
    if (Array.isArray(value)) return value.map((item) => recolored(item, dark));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, recolored(item, dark)]));
    }
    return value;
  }
  function traceOf(trace, dark) {
    const { columns = {}, x, y, text, ...rest } = trace;
    const made = recolored(rest, dark);
    for (const [key, item] of Object.entries({ x, y, text })) if (item !== undefined) made[key] = item;
    for (const [key, column] of Object.entries(columns)) made[key] = page.columns[column];
    if (made.type === "candlestick") made.visible = choices.candles;
    else if (columns.y === "close") made.visible = !choices.candles;
    return made;
  }
  function layoutOf(name, chart, dark, element) {
    const layout = recolored(chart.layout, dark);
    layout.font.family = getComputedStyle(document.body).fontFamily;
    if (name === "equity" && choices.log) layout.yaxis.type = "log";
    if (element.clientWidth < 520) {
      layout.margin.l = 58;
      layout.height += 14 * Math.max(0, chart.data.length - 6); // The names of the lines stand below each other there.
    }
    if (window.matchMedia("(pointer: coarse)").matches) layout.dragmode = false; // A finger on a chart scrolls the page.
    if (printing) Object.assign(layout, { width: 960, autosize: false });
    else layout.autosize = true;
    if (element.layout && !printing) keepRange(layout, element.layout);
    return layout;
  }
  function keepRange(layout, shown) {
    const axis = shown.xaxis;
    if (layout.xaxis.type === "date" && axis.autorange === false) layout.xaxis.range = [...axis.range];
  }
  function drawCharts() {
    if (page === null || !window.Plotly) return;
    const dark = isDark() && !printing ? page.dark : {};
    for (const [name, chart] of Object.entries(page.charts)) {
      const element = document.getElementById(`chart-${name}`);
      const data = chart.data.map((trace) => traceOf(trace, dark));
      window.Plotly.react(element, data, layoutOf(name, chart, dark, element), CONFIG);
    }
  }
  function startCharts() {
    page = JSON.parse(document.getElementById("chart-data").textContent);
    if (!window.Plotly) return;
    document.querySelectorAll(".chart-fallback").forEach((words) => words.remove());
    drawCharts();
    for (const [name, chart] of Object.entries(page.charts)) {
      const element = document.getElementById(`chart-${name}`);
      element.on("plotly_click", ({ points }) => {
        const link = chart.links[String(points[0].customdata)];
        if (link) window.location.assign(link);
      });
    }
    linkRanges("equity", "price", "rolling", "exposures");
    document.querySelectorAll(".tools").forEach((tools) => { tools.hidden = false; });
    document.querySelectorAll("[data-action]").forEach((button) => button.addEventListener("click", () => {
      choices[button.dataset.action] = !choices[button.dataset.action];
      button.setAttribute("aria-pressed", String(choices[button.dataset.action]));
      drawCharts();
    }));
    window.addEventListener("beforeprint", () => { printing = true; drawCharts(); });
    window.addEventListener("afterprint", () => { printing = false; drawCharts(); });
    root.dataset.charts = "drawn";
  }
  // A zoom in one chart over time zooms the others to the same sessions.
  function linkRanges(...names) {
    const elements = names.map((name) => document.getElementById(`chart-${name}`)).filter((element) => element !== null);
    let following = false;
    elements.forEach((element) => element.on("plotly_relayout", (change) => {
      const moved = Object.keys(change).some((key) => key.startsWith("xaxis.") );
      if (following || !moved) return;
      following = true;
      const axis = element.layout.xaxis;
      const wanted = axis.autorange ? { "xaxis.autorange": true } : { "xaxis.range": [...axis.range] };
      const others = elements.filter((other) => other !== element);
      Promise.all(others.map((other) => window.Plotly.relayout(other, wanted))).finally(() => { following = false; });
    }));
  }

  document.addEventListener("DOMContentLoaded", () => {
    startTheme();
    document.querySelectorAll("table[data-sortable]").forEach(startTable);
    document.querySelectorAll("form[data-filters]").forEach(startFilters);
    startCharts();
  });
})();
