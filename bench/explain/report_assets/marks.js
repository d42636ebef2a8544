// How a contract or an operation is marked: a colour and a shape, so that neither alone has to tell them apart.

// Okabe and Ito's palette, which colour-blind people can tell apart.
const MARK_INKS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800"];
const MARK_SHAPES = ["circle", "square", "diamond", "triangle", "hexagon", "down", "plus"];

/** The contracts (or what `field` says) with most transactions get marks of their own; all others share one. */
function marksBy(nodes, field) {
  const tally = new Map();
  for (const node of nodes) tally.set(node[field], (tally.get(node[field]) || 0) + 1);
  const ranked = [...tally.entries()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const top = ranked.filter(([, size]) => size > 1 || ranked.length <= MARK_INKS.length).slice(0, MARK_INKS.length);
  const marks = new Map(
    top.map(([name, size], at) => [name, { name, size, ink: MARK_INKS[at], shape: MARK_SHAPES[at] }]),
  );
  const rest = ranked.slice(top.length);
  const other = {
    name: null,
    size: rest.reduce((sum, [, size]) => sum + size, 0),
    others: rest.length,
    ink: null,
    shape: "circle",
  };
  return {
    list: other.size ? [...marks.values(), other] : [...marks.values()],
    of: (node) => marks.get(node[field]) || other,
  };
}

const markInk = (mark) => mark.ink || ink("other");

function polygon(context, x, y, r, corners, turn) {
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = turn + (2 * Math.PI * corner) / corners;
    context.lineTo(x + r * Math.cos(angle), y + r * Math.sin(angle));
  }
  context.closePath();
}

/** Add a shape of about the same area whatever its kind to the current path. */
function addShape(context, shape, x, y, r) {
  if (shape === "circle") {
    context.moveTo(x + r, y);
    context.arc(x, y, r, 0, 2 * Math.PI);
    return;
  }
  const start = {
    square: [1.2, 4, Math.PI / 4],
    diamond: [1.25, 4, 0],
    triangle: [1.35, 3, -Math.PI / 2],
    down: [1.35, 3, Math.PI / 2],
    hexagon: [1.1, 6, 0],
  }[shape];
  if (start) {
    const [grow, corners, turn] = start;
    context.moveTo(x + r * grow * Math.cos(turn), y + r * grow * Math.sin(turn));
    polygon(context, x, y, r * grow, corners, turn);
    return;
  }
  const [long, thin] = [r * 1.15, r * 0.45];
  context.rect(x - long, y - thin, 2 * long, 2 * thin);
  context.rect(x - thin, y - long, 2 * thin, 2 * long);
}

/** A small canvas with the mark, for legends. */
function markSample(mark) {
  const canvas = el("canvas", { width: 28, height: 28, class: "sample", "aria-hidden": "true" });
  const draw = () => {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, 28, 28);
    context.fillStyle = markInk(mark);
    context.beginPath();
    addShape(context, mark.shape, 14, 14, 9);
    context.fill();
  };
  draw();
  onTheme(draw);
  return canvas;
}
