// What every part of the page uses: the data, elements, numbers as people read them, the theme.

performance.mark("report-start");

/** Tables come as {columns, rows}; give them back as arrays of objects, at any depth. */
function expand(value) {
  if (Array.isArray(value)) return value.map(expand);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value.columns) && Array.isArray(value.rows)) {
    return value.rows.map((row) => Object.fromEntries(row.map((cell, at) => [value.columns[at], expand(cell)])));
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, expand(each)]));
}

const data = expand(JSON.parse(document.getElementById("data").textContent));
const nodeAt = new Map(data.nodes.map((node, position) => [node.index, position]));
const byId = (id) => document.getElementById(id);

/** An element; text always goes in as text, never as markup. */
function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name.startsWith("--")) node.style.setProperty(name, value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return node;
}

const THIN = "\u202f";
const TIMES = THIN + "×";

/** A whole number in groups of three. */
const whole = (value) =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, THIN);

/** Three significant digits, without an exponent. */
function short(value) {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size >= 100) return whole(value);
  if (size >= 10) return value.toFixed(1);
  if (size >= 1 || size === 0) return value.toFixed(2);
  return value.toPrecision(2).includes("e") ? value.toFixed(4) : value.toPrecision(2);
}

const ratio = (value) => (Number.isFinite(value) ? short(value) + TIMES : "–");
const percent = (share) =>
  share === null ? "–" : (100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0) + THIN + "%";

/** Seconds in the unit that leaves few digits. */
function duration(seconds) {
  if (!Number.isFinite(seconds)) return "–";
  if (Math.abs(seconds) >= 2) return short(seconds) + THIN + "s";
  return seconds && Math.abs(seconds) < 1e-4
    ? short(1e6 * seconds) + THIN + "µs"
    : short(1000 * seconds) + THIN + "ms";
}

/** Gas in units that can be read at a glance. */
function gasText(gas) {
  if (gas >= 1e6) return short(gas / 1e6) + THIN + "M";
  return gas >= 1e4 ? short(gas / 1e3) + THIN + "k" : whole(gas);
}

const count = (value, noun, plural = noun + "s") => whole(value) + " " + (value === 1 ? noun : plural);
const brief = (text) => text.replace(/0x([0-9a-f]{6})[0-9a-f]{7,}([0-9a-f]{4})/gi, "0x$1…$2");

/** A colour of the theme, as the canvas needs it. */
const inkCache = new Map();
function ink(name) {
  if (!inkCache.has(name))
    inkCache.set(
      name,
      getComputedStyle(document.documentElement)
        .getPropertyValue("--" + name)
        .trim(),
    );
  return inkCache.get(name);
}

const themeListeners = [];
const onTheme = (listener) => themeListeners.push(listener);

/** The button turns the theme over; until it is used, the system's choice holds. */
function startTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const button = byId("theme");
  const refresh = () => {
    inkCache.clear();
    button.textContent = isDark() ? "Light theme" : "Dark theme";
    themeListeners.forEach((listener) => listener());
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    refresh();
  });
  dark.addEventListener("change", refresh);
  refresh();
}

/** Which transaction is looked at: shared by the graph, the schedule and the path. */
const selection = {
  index: null,
  listeners: [],
  set(index) {
    if (this.index === index) return;
    this.index = index;
    this.listeners.forEach((listener) => listener(index));
  },
};

/** A button that shows a transaction in the graph, and brings the graph into sight where it is not. */
function txButton(index) {
  const onclick = () => {
    selection.set(index);
    const box = byId("graph-body").getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) byId("graph").scrollIntoView();
  };
  const hash = data.nodes[nodeAt.get(index)]?.hash;
  return el("button", { type: "button", class: "tx", title: hash || null, onclick }, `#${index}`);
}

/** Run `draw` when `element` comes near the window, once. */
function lazily(element, draw) {
  const watcher = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      draw();
    },
    { rootMargin: "300px" },
  );
  watcher.observe(element);
}

/** A table that scrolls inside its frame; cells are text, elements or {sort, text}. */
function table(caption, columns, rows) {
  const head = el(
    "tr",
    {},
    columns.map((column) => el("th", { scope: "col", class: column.kind || "", title: column.title }, column.name)),
  );
  const body = rows.map((row) =>
    el(
      "tr",
      { class: row.mark || "" },
      row.cells.map((cell, at) =>
        el(at === 0 ? "th" : "td", { scope: at === 0 ? "row" : null, class: columns[at].kind || "" }, cell),
      ),
    ),
  );
  const frame = el(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el("table", {}, el("caption", {}, caption), el("thead", {}, head), el("tbody", {}, body)),
  );
  return frame;
}
