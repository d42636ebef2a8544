// The measured schedule: one lane per driver and worker, and under it how many had settled by then.

const KINDS = {
  execute: { name: "execution", ink: "execute" },
  stale: { name: "execution not used", ink: "stale", hatched: true },
  overhead: { name: "unpack, pack", ink: "overhead" },
  plan: { name: "plan", ink: "plan" },
  dispatch: { name: "dispatch", ink: "dispatch" },
  settle: { name: "settle", ink: "settle" },
  merge: { name: "merge", ink: "merge" },
};
const kindOf = (span) => KINDS[span.kind] || { name: span.kind, ink: "overhead" };
const LANE = { left: 92, right: 14, top: 8, height: 30, gap: 12, axis: 26, curve: 130 };

function readLanes(run) {
  const order = (lane) => (lane === "driver" ? -1 : parseInt(lane.replace(/\D+/g, ""), 10) || 0);
  const names = [...new Set(run.spans.map((span) => span.lane))].sort(
    (a, b) => order(a) - order(b) || (a < b ? -1 : 1),
  );
  return names.map((name) => {
    const spans = run.spans.filter((span) => span.lane === name).sort((a, b) => a.begin - b.begin);
    const busy = spans.reduce((sum, span) => sum + (span.end - span.begin), 0);
    return { name, spans, busy: run.seconds ? Math.min(1, busy / run.seconds) : 0 };
  });
}

class Timeline {
  constructor(run) {
    this.run = run;
    this.lanes = readLanes(run);
    this.onPath = new Set(data.path.map((step) => step.index));
    this.hover = null;
    this.picked = null;
    this.view = new View({ flat: true, least: 1, most: 4e7 });
    this.view.world = { x: 0, y: 0, w: Math.max(run.seconds, 1e-6), h: 1 };
    this.view.clamp = () => this.clamp();
    const high = LANE.top + this.lanes.length * (LANE.height + LANE.gap) + 2 * LANE.axis + LANE.curve;
    this.canvas = el("canvas", {
      class: "gantt",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "schedule",
      "aria-label": `Measured schedule: ${busyText(this.lanes)}`,
      "--high": `${high}px`,
    });
    this.words = el("p", { class: "readout", "aria-live": "polite" }, busyText(this.lanes));
    this.surface = makeSurface(this.canvas, (context, width, height) => paintSchedule(this, context, width, height));
    this.surface.onResize = () => {
      this.surface.width = this.canvas.getBoundingClientRect().width;
      this.fit();
    };
    attachPan(this.surface, this.view, {
      onHover: (x, y) => this.point(x, y),
      onPick: (x, y) => this.pick(this.hit(x, y)),
    });
    this.canvas.addEventListener("keydown", (event) => this.key(event));
    selection.listeners.push(() => this.surface.redraw());
  }

  /** The least scale: all of the run is in sight. */
  get whole() {
    return Math.max(1, this.surface.width - LANE.left - LANE.right) / this.view.world.w;
  }

  fit() {
    this.view.k = this.whole;
    this.view.x = LANE.left;
    this.surface.redraw();
  }

  clamp() {
    const { view } = this;
    view.k = Math.max(view.k, this.whole);
    view.x = Math.min(LANE.left, Math.max(this.surface.width - LANE.right - view.world.w * view.k, view.x));
  }

  tell(spot) {
    this.words.textContent = spot ? spanText(spot.span) : busyText(this.lanes);
  }

  point(x, y) {
    this.hover = x === null ? null : this.hit(x, y);
    this.tell(this.hover || this.picked);
    this.surface.redraw();
  }

  pick(spot) {
    this.picked = spot;
    this.tell(spot);
    if (spot && spot.span.index !== null) selection.set(spot.span.index);
    this.surface.redraw();
  }

  /** The shortest span at a place of the canvas, with its lane and place in it; null where there is none. */
  hit(x, y) {
    const { lanes, view } = this;
    const lane = lanes.findIndex((_, at) => y >= laneTop(at) - 4 && y <= laneTop(at) + LANE.height + 4);
    if (lane < 0 || x < LANE.left) return null;
    const [time, slack] = [view.wx(x), 2 / view.k];
    const length = (spot) => spot.span.end - spot.span.begin;
    let best = null;
    lanes[lane].spans.forEach((span, place) => {
      if (time < span.begin - slack || time > span.end + slack) return;
      const spot = { lane, place, span };
      if (!best || length(spot) < length(best)) best = spot;
    });
    return best;
  }

  /** Pick the span at a place of a lane, the nearest that there is, and bring it into sight. */
  go(lane, place) {
    const { lanes, view, surface } = this;
    const at = Math.max(0, Math.min(lanes.length - 1, lane));
    const near = Math.max(0, Math.min(lanes[at].spans.length - 1, place));
    const span = lanes[at].spans[near];
    this.pick({ lane: at, place: near, span });
    const [x, right] = [view.sx(span.begin), view.sx(span.end)];
    if (x < LANE.left + 20) view.x += LANE.left + 20 - x;
    else if (right > surface.width - 40) view.x -= right - surface.width + 40;
    this.clamp();
  }

  /** Go to another lane, to what it does at the same time. */
  goBeside(lane) {
    const { spans } = this.lanes[Math.max(0, Math.min(this.lanes.length - 1, lane))];
    const time = this.picked ? this.picked.span.begin : 0;
    const place = spans.findIndex((span) => span.end >= time);
    this.go(lane, place < 0 ? spans.length - 1 : place);
  }

  zoom(factor) {
    this.view.zoom(factor, this.picked ? this.view.sx(this.picked.span.begin) : this.surface.width / 2, 0);
    this.clamp();
  }

  /** Arrow keys go from span to span and from lane to lane. */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.lanes.length) return;
    const { lane, place } = this.picked || { lane: 0, place: -1 };
    const acts = {
      ArrowLeft: () => this.go(lane, place - 1),
      ArrowRight: () => this.go(lane, place + 1),
      ArrowUp: () => this.goBeside(lane - 1),
      ArrowDown: () => this.goBeside(lane + 1),
      Home: () => this.go(lane, 0),
      End: () => this.go(lane, Infinity),
      Escape: () => this.pick(null),
      "+": () => this.zoom(1.6),
      "=": () => this.zoom(1.6),
      "-": () => this.zoom(1 / 1.6),
      0: () => this.fit(),
    };
    if (!acts[event.key]) return;
    acts[event.key]();
    event.preventDefault();
    this.surface.redraw();
  }
}

const laneTop = (at) => LANE.top + at * (LANE.height + LANE.gap);
const busyText = (lanes) => lanes.map((lane) => `${lane.name} busy ${percent(lane.busy)}`).join(" · ");

function spanText(span) {
  const again = span.incarnation ? `, run ${span.incarnation + 1}` : "";
  const about = span.index === null ? "" : ` of transaction ${span.index}${again}`;
  const moment = (seconds) => (1000 * seconds).toFixed(2);
  const times = `${moment(span.begin)} to ${moment(span.end)} ms, ${duration(span.end - span.begin)}`;
  return `${kindOf(span).name}${about} on ${span.lane}: ${times}`;
}

function scheduleText(run) {
  const again = run.executions - data.transactions;
  const times = `${duration(run.seconds)} against ${duration(run.sequential_seconds)} one after another`;
  const runs = again > 0 ? `${count(again, "execution")} more than transactions` : "No transaction ran twice";
  return `${count(run.workers, "worker")}, ${times}. ${runs}.`;
}

function scheduleLegend(run) {
  const used = new Set(run.spans.map((span) => span.kind));
  const kinds = Object.entries(KINDS).filter(([kind]) => used.has(kind));
  const swatch = ([, kind]) => {
    const sample = `swatch${kind.hatched ? " hatched" : ""}`;
    const props = { class: sample, "--ink": `var(--${kind.ink})`, "aria-hidden": "true" };
    return el("span", { class: "key plain" }, el("span", props), kind.name);
  };
  return el(
    "span",
    { class: "legend" },
    kinds.map(swatch),
    plainKey("swatch empty", "idle"),
    plainKey("path-sample", "of the critical path"),
    plainKey("dash-sample", "one after another, at an even pace"),
  );
}

function drawSchedule() {
  const run = data.schedule;
  const drawn = new Timeline(run);
  const zoom = zoomButtons(drawn.surface, drawn.view, () => drawn.fit());
  zoom.append(saveButton(drawn.surface, "schedule.png"));
  byId("schedule-note").textContent = scheduleText(run);
  byId("schedule-body").append(
    el("div", { class: "controls" }, scheduleLegend(run), zoom),
    drawn.canvas,
    drawn.words,
  );
}
