// Drawing the measured schedule: lanes of spans, and the curve of settled transactions below them.

function paintSchedule(timeline, context, width, height) {
  const { run, lanes, view } = timeline;
  const bottom = laneTop(lanes.length) - LANE.gap;
  context.font = "12px " + ink("sans");
  context.textBaseline = "middle";
  const curveTop = bottom + LANE.axis;
  paintTimes(timeline, context, width, bottom, curveTop + LANE.curve);
  lanes.forEach((lane, at) => paintLane(timeline, context, width, lane, laneTop(at)));
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
    if (!(x <= width)) break;
    context.fillStyle = ink("grid");
    context.fillRect(Math.round(x), 0, 1, bottoms[bottoms.length - 1]);
    context.fillStyle = ink("muted");
    if (x < width - 44)
      for (const bottom of bottoms) context.fillText(at.toFixed(places) + THIN + unit.name, x + 4, bottom + 12);
  }
}

function hatch(context, name) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const brush = tile.getContext("2d");
  brush.strokeStyle = ink(name);
  brush.lineWidth = 2.4;
  for (const shift of [-8, 0, 8]) {
    brush.moveTo(shift, 8);
    brush.lineTo(shift + 8, 0);
  }
  brush.stroke();
  return context.createPattern(tile, "repeat");
}

function paintLane(timeline, context, width, lane, top) {
  const { view } = timeline;
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
    if (!timeline.onPath.has(span.index) || span.kind !== "execute") continue;
    context.fillRect(view.sx(span.begin), top + LANE.height, Math.max(1, (span.end - span.begin) * view.k), 4);
  }
  for (const span of lane.spans) {
    const on = [timeline.hover, timeline.picked].some((spot) => spot && spot.span === span);
    if (!on && (selection.index === null || span.index !== selection.index)) continue;
    context.strokeStyle = ink("accent");
    context.lineWidth = 2.5;
    context.strokeRect(
      view.sx(span.begin) - 1,
      top - 2,
      Math.max(2, (span.end - span.begin) * view.k) + 2,
      LANE.height + 4,
    );
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
