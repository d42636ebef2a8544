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
const LANE = { left: 92, top: 8, height: 30, gap: 12, axis: 26, curve: 130 };

function readLanes(run) {
  const order = (lane) => (lane === "driver" ? -1 : parseInt(lane.replace(/\D+/g, ""), 10) || 0);
  const names = [...new Set(run.spans.map((span) => span.lane))].sort((a, b) => order(a) - order(b) || (a < b ? -1 : 1));
  return names.map((name) => {
    const spans = run.spans.filter((span) => span.lane === name).sort((a, b) => a.begin - b.begin);
    const busy = spans.reduce((sum, span) => sum + (span.end - span.begin), 0);
    return { name, spans, busy: run.seconds ? Math.min(1, busy / run.seconds) : 0 };
  });
}

function drawSchedule() {
  const run = data.schedule;
  const lanes = readLanes(run);
  const painter = { run, lanes, view: new View({ flat: true, least: 1, most: 4e7 }), hover: null, picked: null,
    onPath: new Set(data.path.map((step) => step.index)) };
  const { view } = painter;
  view.world = { x: 0, y: 0, w: Math.max(run.seconds, 1e-6), h: 1 };
  const high = LANE.top + lanes.length * (LANE.height + LANE.gap) + LANE.axis + LANE.curve + LANE.axis;
  const canvas = el("canvas", { class: "gantt", tabindex: "0", role: "application", "aria-roledescription": "schedule",
    "--high": high + "px", "aria-label": "Measured schedule: " + lanes.map((lane) => lane.name + " busy " +
      percent(lane.busy)).join(", ") });
  const words = el("p", { class: "readout", "aria-live": "polite" });
  const surface = makeSurface(canvas, (context, width, height) => paintSchedule(painter, context, width, height));
  const fit = () => { view.k = (surface.width - LANE.left - 14) / view.world.w; view.x = LANE.left; };
  const tell = (spot) => { words.textContent = spot ? spanText(spot.span) : idleText(lanes); };
  surface.onResize = () => { surface.width = canvas.getBoundingClientRect().width; fit(); };
  const keep = () => {
    view.k = Math.max(view.k, (surface.width - LANE.left - 14) / view.world.w);
    view.x = Math.min(LANE.left, Math.max(surface.width - 14 - view.world.w * view.k, view.x));
  };
  view.clamp = keep;
  const pick = (spot) => {
    painter.picked = spot;
    tell(spot);
    if (spot && spot.span.index !== null) selection.set(spot.span.index, "schedule");
    surface.redraw();
  };
  attachPan(surface, view, {
    onHover: (x, y) => { painter.hover = x === null ? null : hitSpan(painter, x, y); tell(painter.hover || painter.picked); surface.redraw(); },
    onPick: (x, y) => pick(hitSpan(painter, x, y)),
  });
  canvas.addEventListener("keydown", (event) => scheduleKey(event, painter, { pick, fit, surface }));
  selection.listeners.push(() => surface.redraw());
  const used = new Set(run.spans.map((span) => span.kind));
  byId("schedule-note").textContent = scheduleText(run);
  byId("schedule-body").append(
    el("div", { class: "controls" }, scheduleLegend(used), zoomButtons(surface, view, fit)), canvas, words);
  tell(null);
}

function scheduleText(run) {
  const again = run.executions - data.transactions;
  return count(run.workers, "worker") + ", " + duration(run.seconds) + " against " + duration(run.sequential_seconds) +
    " one after another. " + (again > 0 ? count(again, "execution") + " more than transactions." : "No transaction ran twice.");
}

const idleText = (lanes) => lanes.map((lane) => lane.name + " busy " + percent(lane.busy)).join(" · ");

function spanText(span) {
  const about = span.index === null ? "" : " of transaction " + span.index +
    (span.incarnation ? ", run " + (span.incarnation + 1) : "");
  return kindOf(span).name + about + " on " + span.lane + ": " + duration(span.begin) + " to " + duration(span.end) + ", " +
    duration(span.end - span.begin);
}

function scheduleLegend(used) {
  const kinds = Object.entries(KINDS).filter(([kind]) => used.has(kind));
  return el("span", { class: "legend" }, kinds.map(([, kind]) => el("span", { class: "key plain" },
    el("span", { class: "swatch" + (kind.hatched ? " hatched" : ""), "--ink": "var(--" + kind.ink + ")", "aria-hidden": "true" }),
    kind.name)), el("span", { class: "key plain" }, el("span", { class: "swatch empty", "aria-hidden": "true" }), "idle"),
    el("span", { class: "key plain" }, el("span", { class: "path-sample", "aria-hidden": "true" }), "of the critical path"),
    el("span", { class: "key plain" }, el("span", { class: "dash-sample", "aria-hidden": "true" }), "one after another, at an even pace"));
}

const laneTop = (at) => LANE.top + at * (LANE.height + LANE.gap);

function hitSpan({ lanes, view }, x, y) {
  const at = lanes.findIndex((_, lane) => y >= laneTop(lane) - 4 && y <= laneTop(lane) + LANE.height + 4);
  if (at < 0 || x < LANE.left) return null;
  const [time, slack] = [view.wx(x), 2 / view.k];
  let best = null;
  lanes[at].spans.forEach((span, place) => {
    if (time >= span.begin - slack && time <= span.end + slack && (!best || span.end - span.begin < best.span.end - best.span.begin)) {
      best = { lane: at, place, span };
    }
  });
  return best;
}

function paintSchedule(painter, context, width, height) {
  const { run, lanes, view } = painter;
  const bottom = laneTop(lanes.length) - LANE.gap;
  context.font = "12px " + ink("sans");
  context.textBaseline = "middle";
  const curveTop = bottom + LANE.axis;
  paintTimes(painter, context, width, bottom, curveTop + LANE.curve);
  lanes.forEach((lane, at) => paintLane(painter, context, width, lane, laneTop(at)));
  paintSettled(run, view, context, width, curveTop);
  context.clearRect(0, 0, LANE.left - 1, height);
  context.fillStyle = ink("text");
  lanes.forEach((lane, at) => {
    context.fillStyle = ink("text");
    context.fillText(lane.name, 0, laneTop(at) + LANE.height / 2 - 7);
    context.fillStyle = ink("muted");
    context.fillText("busy " + percent(lane.busy), 0, laneTop(at) + LANE.height / 2 + 8);
  });
  context.fillStyle = ink("text");
  context.fillText("settled", 0, curveTop + 8);
  context.fillStyle = ink("muted");
  context.fillText("of " + whole(data.transactions), 0, curveTop + 24);
}

function paintTimes({ view }, context, width, ...bottoms) {
  const unit = view.world.w >= 2 ? { size: 1, name: "s" } : { size: 1000, name: "ms" };
  const rough = (70 / view.k) * unit.size;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let at = Math.max(0, Math.floor((view.wx(LANE.left) * unit.size) / step) * step); ; at += step) {
    const x = view.sx(at / unit.size);
    if (x > width) break;
    context.fillStyle = ink("grid");
    context.fillRect(Math.round(x), 0, 1, bottoms[bottoms.length - 1]);
    context.fillStyle = ink("muted");
    if (x < width - 44) for (const bottom of bottoms) context.fillText(at.toFixed(places) + THIN + unit.name, x + 4, bottom + 12);
  }
}

function hatch(context, name) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const brush = tile.getContext("2d");
  brush.strokeStyle = ink(name);
  brush.lineWidth = 2.4;
  for (const shift of [-8, 0, 8]) { brush.moveTo(shift, 8); brush.lineTo(shift + 8, 0); }
  brush.stroke();
  return context.createPattern(tile, "repeat");
}

function paintLane(painter, context, width, lane, top) {
  const { view } = painter;
  context.fillStyle = ink("lane");
  context.fillRect(view.sx(0), top, view.world.w * view.k, LANE.height);
  const hatched = hatch(context, "stale");
  for (const span of lane.spans) {
    const [x, right] = [view.sx(span.begin), view.sx(span.end)];
    if (right < LANE.left || x > width) continue;
    const kind = kindOf(span);
    const wide = Math.max(0.6, right - x);
    const gap = wide > 4 ? 0.5 : 0;
    context.fillStyle = kind.hatched ? hatched : ink(kind.ink);
    context.fillRect(x, top, wide - gap, LANE.height);
    if (kind.hatched) {
      context.strokeStyle = ink("stale");
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, top + 0.5, Math.max(0.2, wide - 1), LANE.height - 1);
    }
    if (wide > 34 && span.index !== null && !kind.hatched) {
      context.fillStyle = ink("on-" + kind.ink) || ink("page");
      context.font = "10px " + ink("sans");
      context.fillText("#" + span.index, Math.max(x, LANE.left) + 4, top + LANE.height / 2);
      context.font = "12px " + ink("sans");
    }
  }
  context.fillStyle = ink("path");
  for (const span of lane.spans) {
    if (!painter.onPath.has(span.index) || span.kind !== "execute") continue;
    context.fillRect(view.sx(span.begin), top + LANE.height, Math.max(1, (span.end - span.begin) * view.k), 4);
  }
  for (const span of lane.spans) {
    const on = [painter.hover, painter.picked].some((spot) => spot && spot.span === span);
    if (!on && (selection.index === null || span.index !== selection.index)) continue;
    context.strokeStyle = ink("accent");
    context.lineWidth = 2.5;
    context.strokeRect(view.sx(span.begin) - 1, top - 2, Math.max(2, (span.end - span.begin) * view.k) + 2, LANE.height + 4);
  }
}

function paintSettled(run, view, context, width, top) {
  const total = Math.max(1, data.transactions);
  const y = (settled) => top + LANE.curve * (1 - settled / total);
  context.strokeStyle = ink("grid");
  context.lineWidth = 1;
  context.strokeRect(LANE.left - 0.5, top, width - LANE.left - 13, LANE.curve);
  context.beginPath();
  let last = 0;
  context.moveTo(view.sx(0), y(0));
  for (const [second, settled] of run.settled) {
    context.lineTo(view.sx(second), y(last));
    context.lineTo(view.sx(second), y(settled));
    last = settled;
  }
  context.lineTo(view.sx(run.seconds), y(last));
  context.strokeStyle = ink("settle");
  context.lineWidth = 2;
  context.stroke();
  // What one worker without the others would have settled by then, at an even pace.
  context.setLineDash([4, 4]);
  context.beginPath();
  context.moveTo(view.sx(0), y(0));
  const share = run.sequential_seconds ? Math.min(1, run.seconds / run.sequential_seconds) : 1;
  context.lineTo(view.sx(share * run.sequential_seconds), y(share * total));
  context.strokeStyle = ink("muted");
  context.lineWidth = 1.2;
  context.stroke();
  context.setLineDash([]);
}

/** Arrow keys go from span to span and from lane to lane. */
function scheduleKey(event, { lanes, view, picked }, { pick, fit, surface }) {
  if (event.ctrlKey || event.metaKey || event.altKey || !lanes.length) return;
  const spot = picked || { lane: 0, place: -1 };
  const go = (lane, place) => {
    const at = Math.max(0, Math.min(lanes.length - 1, lane));
    const spans = lanes[at].spans;
    const next = Math.max(0, Math.min(spans.length - 1, place));
    const span = spans[next];
    pick({ lane: at, place: next, span });
    const [x, right] = [view.sx(span.begin), view.sx(span.end)];
    if (x < LANE.left + 20) view.x += LANE.left + 20 - x;
    else if (right > surface.width - 40) view.x -= right - surface.width + 40;
    view.clamp();
  };
  const beside = (lane) => {
    const at = Math.max(0, Math.min(lanes.length - 1, lane));
    const time = picked ? picked.span.begin : 0;
    const place = lanes[at].spans.findIndex((span) => span.end >= time);
    go(at, place < 0 ? lanes[at].spans.length - 1 : place);
  };
  const zoom = (factor) => { view.zoom(factor, picked ? view.sx(picked.span.begin) : surface.width / 2, 0); view.clamp(); };
  const acts = {
    ArrowLeft: () => go(spot.lane, spot.place - 1), ArrowRight: () => go(spot.lane, spot.place + 1),
    ArrowUp: () => beside(spot.lane - 1), ArrowDown: () => beside(spot.lane + 1),
    Home: () => go(spot.lane, 0), End: () => go(spot.lane, Infinity), Escape: () => pick(null),
    "+": () => zoom(1.6), "=": () => zoom(1.6), "-": () => zoom(1 / 1.6), 0: fit,
  };
  if (!acts[event.key]) return;
  acts[event.key]();
  event.preventDefault();
  surface.redraw();
}
