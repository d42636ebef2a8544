// Drawing the graph: thin edges, marks by contract, the critical path strong, the one looked at in focus.

/** A line from the right of one node to the left of another; along one row it bows, so as not to run through others. */
function addEdge(context, view, from, to) {
  const [x1, y1] = [view.sx(from.x + from.w), view.sy(from.y + from.h / 2)];
  const [x2, y2] = [view.sx(to.x), view.sy(to.y + to.h / 2)];
  const gap = x2 - x1;
  context.moveTo(x1, y1);
  if (Math.abs(y1 - y2) < 1 && gap > 2 * STEP * view.k) {
    const bow = Math.min(60, gap * 0.12) * Math.min(1, view.k);
    context.bezierCurveTo(x1 + gap * 0.25, y1 - bow, x2 - gap * 0.25, y2 - bow, x2, y2);
    return;
  }
  const bend = Math.max(6 * view.k, Math.min(Math.abs(gap) * 0.45, 90 * view.k));
  context.bezierCurveTo(x1 + bend, y1, x2 - bend, y2, x2, y2);
}

const outside = (box, view, width, height) =>
  view.sx(box.x + box.w) < 0 || view.sx(box.x) > width || view.sy(box.y + box.h) < 0 || view.sy(box.y) > height;

function paintGraph(graph, context, width, height) {
  if (!graph.laid) return;
  paintEdges(graph, context, width, height);
  paintPath(graph, context);
  paintNodes(graph, context, width, height);
  paintFocus(graph, context);
  context.fillStyle = ink("muted");
  context.font = "12px " + ink("sans");
  context.textBaseline = "middle";
  const { view, laid } = graph;
  for (const { x, y, text } of laid.captions) context.fillText(text, Math.max(view.sx(x - STEP / 2), 10), view.sy(y));
}

function paintEdges({ links, nodes, laid, chosen, view }, context, width, height) {
  const { spots } = laid;
  context.strokeStyle = ink("edge");
  context.lineWidth = Math.max(0.4, Math.min(1, view.k));
  context.globalAlpha = data.edges.length > 1500 ? 0.4 : 0.65;
  context.beginPath();
  nodes.forEach((_, position) => {
    for (const { to, implied } of links.before[position]) {
      if (implied && chosen.lines === "needed") continue;
      const [from, box] = [spots[to], spots[position]];
      if (view.sx(box.x) < 0 || view.sx(from.x + from.w) > width) continue;
      const [y1, y2] = [view.sy(from.y), view.sy(box.y)];
      if (Math.max(y1, y2) < -60 || Math.min(y1, y2) > height + 60) continue;
      addEdge(context, view, from, box);
    }
  });
  context.stroke();
  context.globalAlpha = 1;
}

function paintPath({ pathLinks, laid, view }, context) {
  context.strokeStyle = ink("path");
  context.lineWidth = Math.max(2.5, 4 * Math.min(1.2, view.k));
  context.lineCap = "round";
  context.beginPath();
  for (const [before, after] of pathLinks) addEdge(context, view, laid.spots[before], laid.spots[after]);
  context.stroke();
}

/** The shape of a node's box on the screen: a mark by level, a bar by time. */
function addNode(context, { chosen, view }, mark, box, grow = 0) {
  if (chosen.layout === "time") {
    context.rect(
      view.sx(box.x) - grow,
      view.sy(box.y) - grow,
      Math.max(1.2, box.w * view.k) + 2 * grow,
      box.h * view.ky + 2 * grow,
    );
  } else {
    const r = Math.max(1.6, (box.w / 2) * view.k) + grow;
    addShape(context, mark.shape, view.sx(box.x + box.w / 2), view.sy(box.y + box.h / 2), r);
  }
}

function paintNodes(graph, context, width, height) {
  const { nodes, marks, laid, only, view } = graph;
  for (const mark of marks.list) {
    context.fillStyle = markInk(mark);
    context.globalAlpha = only && only !== mark ? 0.13 : 1;
    context.beginPath();
    nodes.forEach((node, position) => {
      const box = laid.spots[position];
      if (marks.of(node) === mark && !outside(box, view, width, height)) addNode(context, graph, mark, box);
    });
    context.fill();
  }
  context.globalAlpha = only ? 0.4 : 1;
  context.strokeStyle = ink("path");
  context.lineWidth = Math.max(1.2, 2 * Math.min(1, view.k));
  context.beginPath();
  for (const position of graph.steps) addNode(context, graph, marks.of(nodes[position]), laid.spots[position]);
  context.stroke();
  context.globalAlpha = 1;
  if (view.k > 0.6) paintReverted(graph, context, width, height);
}

/** A bar through transactions that reverted. */
function paintReverted({ nodes, laid, view }, context, width, height) {
  context.strokeStyle = ink("page");
  context.lineWidth = 1.5;
  context.beginPath();
  nodes.forEach((node, position) => {
    const box = laid.spots[position];
    if (node.success || outside(box, view, width, height)) return;
    context.moveTo(view.sx(box.x), view.sy(box.y + box.h));
    context.lineTo(view.sx(box.x + box.w), view.sy(box.y));
  });
  context.stroke();
}

/** The transaction looked at: a ring, its edges strong, those at the other ends ringed thinly. */
function paintFocus(graph, context) {
  const { nodes, links, marks, laid, view } = graph;
  for (const position of new Set([graph.hover, graph.selected])) {
    if (position === null) continue;
    const box = laid.spots[position];
    context.strokeStyle = ink("accent");
    context.lineWidth = 1.6;
    context.beginPath();
    for (const { to } of links.before[position]) addEdge(context, view, laid.spots[to], box);
    for (const { to } of links.after[position]) addEdge(context, view, box, laid.spots[to]);
    for (const { to } of [...links.before[position], ...links.after[position]]) {
      addNode(context, graph, marks.of(nodes[to]), laid.spots[to], 2);
    }
    context.stroke();
    context.lineWidth = position === graph.selected ? 3 : 2;
    context.beginPath();
    addNode(context, graph, marks.of(nodes[position]), box, 4);
    context.stroke();
  }
}

function paintOverview(graph, context, width, height) {
  const { nodes, marks, laid, view, surface, pathLinks } = graph;
  if (!laid) return;
  const { spots } = laid;
  const scale = overviewScale(view.world, width, height);
  const [sx, sy] = [(x) => scale.x + x * scale.kx, (y) => scale.y + y * scale.ky];
  nodes.forEach((node, position) => {
    const box = spots[position];
    context.fillStyle = markInk(marks.of(node));
    context.fillRect(sx(box.x), sy(box.y), Math.max(1, box.w * scale.kx), Math.max(1, box.h * scale.ky));
  });
  context.strokeStyle = ink("path");
  context.lineWidth = 1.5;
  context.beginPath();
  for (const [before, after] of pathLinks) {
    context.moveTo(sx(spots[before].x), sy(spots[before].y + spots[before].h / 2));
    context.lineTo(sx(spots[after].x), sy(spots[after].y + spots[after].h / 2));
  }
  context.stroke();
  context.strokeStyle = ink("accent");
  const [left, top] = [Math.max(1, sx(view.wx(0))), Math.max(1, sy(view.wy(0)))];
  const right = Math.min(width - 1, sx(view.wx(surface.width)));
  const bottom = Math.min(height - 1, sy(view.wy(surface.height)));
  if (right > left && bottom > top) context.strokeRect(left, top, right - left, bottom - top);
}
