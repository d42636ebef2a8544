// Where the nodes of the dependency graph stand; pure functions over nodes and edges, in world units.

const STEP = 34; // between levels
const ROW = 22; // between rows
const CAPTION = 30;
const BLOCK = 20; // between transactions of the block of isolated ones

/** Neighbours of every transaction, and the groups that edges join; the group of the critical path comes first. */
function readGraph(nodes, edges) {
  const at = new Map(nodes.map((node, position) => [node.index, position]));
  const before = nodes.map(() => []);
  const after = nodes.map(() => []);
  for (const edge of edges) {
    before[at.get(edge.after)].push({ to: at.get(edge.before), edge });
    after[at.get(edge.before)].push({ to: at.get(edge.after), edge });
  }
  const group = nodes.map(() => -1);
  const groups = [];
  nodes.forEach((_, start) => {
    if (group[start] >= 0) return;
    const members = [start];
    group[start] = groups.length;
    for (let next = 0; next < members.length; next += 1) {
      for (const { to } of [...before[members[next]], ...after[members[next]]]) {
        if (group[to] < 0) {
          group[to] = groups.length;
          members.push(to);
        }
      }
    }
    groups.push(members.sort((a, b) => a - b));
  });
  const onPath = (members) => members.some((member) => nodes[member].on_path);
  const alone = (members) => members.length === 1 && !onPath(members);
  const isolated = groups.filter(alone).map(([only]) => only);
  const joined = groups.filter((members) => !alone(members));
  joined.sort((a, b) => onPath(b) - onPath(a) || b.length - a.length || a[0] - b[0]);
  return { at, before, after, joined, isolated };
}

/** Mark as `implied` the edges that longer ways between the same two already say: the picture needs only the others. */
function markImplied(nodes, graph) {
  const words = Math.ceil(nodes.length / 32);
  const ancestors = nodes.map(() => new Uint32Array(words));
  nodes.forEach((_, at) => {
    // block order: what one waits for comes before it
    const mine = ancestors[at];
    for (const link of [...graph.before[at]].sort((a, b) => b.to - a.to)) {
      link.implied = Boolean(mine[link.to >> 5] & (1 << (link.to & 31)));
      ancestors[link.to].forEach((word, place) => {
        mine[place] |= word;
      });
      mine[link.to >> 5] |= 1 << (link.to & 31);
    }
  });
}

/** The free row nearest to the wished one. */
function nearestFree(taken, wished, most) {
  for (let away = 0; away <= 2 * most + 1; away += 1) {
    for (const row of away ? [wished + away, wished - away] : [wished]) {
      if (Math.abs(row) <= most && !taken.has(row)) return row;
    }
  }
  return null;
}

/** Column and row of each member of one group: the critical path in row 0, others near what they wait for. */
function placeGroup(graph, nodes, members) {
  const levels = new Map();
  for (const member of members) {
    const level = nodes[member].level;
    if (!levels.has(level)) levels.set(level, []);
    levels.get(level).push(member);
  }
  // A level may take several columns: high ones would leave the rest of the picture empty.
  const most = Math.max(2, Math.min(13, Math.round(Math.sqrt(members.length / 3))));
  const place = new Map();
  let column = 0;
  for (const level of [...levels.keys()].sort((a, b) => a - b)) {
    const wish = (member) => {
      const rows = graph.before[member]
        .map(({ to }) => place.get(to))
        .filter(Boolean)
        .map((spot) => spot.row);
      return rows.length ? Math.round(rows.reduce((sum, row) => sum + row, 0) / rows.length) : 0;
    };
    const unused = graph.hasPath ? [0] : []; // row 0 belongs to the path, so that nothing stands in its line
    let taken = new Set(unused);
    const line = levels.get(level).map((member) => ({ member, row: wish(member), path: nodes[member].on_path }));
    line.sort((a, b) => b.path - a.path || Math.abs(a.row) - Math.abs(b.row) || a.member - b.member);
    for (const { member, row, path } of line) {
      let free = path ? 0 : nearestFree(taken, row, most);
      if (free === null) {
        column += 1;
        taken = new Set(unused);
        free = nearestFree(taken, row, most);
      }
      taken.add(free);
      place.set(member, { column, row: free });
    }
    column += 1;
  }
  const rows = [...place.values()].map((spot) => spot.row);
  return { place, columns: column, top: Math.min(...rows), bottom: Math.max(...rows) };
}

/** By level: the critical path's group on top, the other groups on shelves below it, then the isolated ones. */
function layoutByLevel(nodes, graph, radius, shelf) {
  const spots = nodes.map(() => null);
  const captions = [];
  let y = 0;
  let width = 0;
  const put = (members, laid, x, top) => {
    for (const member of members) {
      const { column, row } = laid.place.get(member);
      const r = radius(nodes[member]);
      spots[member] = { x: x + column * STEP - r, y: top + (row - laid.top) * ROW - r, w: 2 * r, h: 2 * r };
    }
  };
  const main = graph.joined[0];
  if (main) {
    const laid = placeGroup({ ...graph, hasPath: main.some((member) => nodes[member].on_path) }, nodes, main);
    captions.push({
      x: 0,
      y,
      text:
        main.length === 1
          ? "The critical path: one transaction that waits for none"
          : count(main.length, "transaction") + " in the group of the critical path",
    });
    put(main, laid, 0, y + CAPTION);
    y += (laid.bottom - laid.top + 2) * ROW + CAPTION;
    width = laid.columns * STEP;
  }
  const limit = Math.max(shelf, Math.min(width, 1.5 * shelf));
  const others = graph.joined
    .slice(1)
    .map((members) => ({ members, laid: placeGroup(graph, nodes, members) }))
    .sort((a, b) => b.laid.bottom - b.laid.top - a.laid.bottom + a.laid.top || b.laid.columns - a.laid.columns);
  if (others.length) {
    captions.push({ x: 0, y, text: count(others.length, "other group") });
    y += CAPTION;
    let [x, high] = [0, 0];
    for (const { members, laid } of others) {
      const [wide, tall] = [laid.columns * STEP + 8, (laid.bottom - laid.top + 1) * ROW];
      if (x && x + wide > limit) {
        x = 0;
        y += high + 10;
        high = 0;
      }
      put(members, laid, x, y);
      x += wide;
      high = Math.max(high, tall);
      width = Math.max(width, x);
    }
    y += high + ROW;
  }
  return { spots, captions, ...blockOfIsolated(nodes, graph, radius, spots, captions, limit, y, width) };
}

function blockOfIsolated(nodes, graph, radius, spots, captions, limit, top, width) {
  let y = top;
  if (graph.isolated.length) {
    captions.push({ x: 0, y, text: count(graph.isolated.length, "isolated transaction") + ": nothing to wait for" });
    y += CAPTION;
    const across = Math.max(1, Math.min(graph.isolated.length, Math.floor(limit / BLOCK)));
    graph.isolated.forEach((member, at) => {
      const r = Math.min(radius(nodes[member]), BLOCK / 2 - 1);
      spots[member] = {
        x: (at % across) * BLOCK - r,
        y: y + Math.floor(at / across) * BLOCK - r,
        w: 2 * r,
        h: 2 * r,
      };
    });
    y += Math.ceil(graph.isolated.length / across) * BLOCK;
    width = Math.max(width, across * BLOCK);
  }
  return { world: { x: -STEP / 2, y: -ROW, w: width + STEP / 2, h: y + ROW } };
}

/** By time: every bar begins when all it waits for have ended (workers without limit) and is as wide as it takes. */
function layoutByTime(nodes, graph, shelf) {
  const ends = nodes.map(() => 0);
  const begins = nodes.map(() => 0);
  nodes.forEach((node, at) => {
    // nodes stand in block order, so all that one waits for come before it
    begins[at] = Math.max(0, ...graph.before[at].map(({ to }) => ends[to]));
    ends[at] = begins[at] + node.seconds;
  });
  const span = Math.max(...ends, 1e-9);
  const wide = Math.max(shelf, 14 * nodes.filter((node) => node.on_path).length);
  const scale = wide / span;
  const spots = nodes.map(() => null);
  const captions = [];
  const rows = [];
  const joined = graph.joined
    .flat()
    .sort((a, b) => nodes[b].on_path - nodes[a].on_path || begins[a] - begins[b] || a - b);
  const put = (member, x, row, top) => {
    spots[member] = { x, y: top + row * 15, w: Math.max(1.5, nodes[member].seconds * scale - 1), h: 11 };
  };
  for (const member of joined) {
    let row = rows.findIndex((busy) => busy.every(([from, to]) => ends[member] <= from || begins[member] >= to));
    if (row < 0) {
      row = rows.length;
      rows.push([]);
    }
    rows[row].push([begins[member], ends[member]]);
    put(member, begins[member] * scale, row, CAPTION);
  }
  let y = joined.length ? (rows.length + 1) * 15 + CAPTION : 0;
  if (joined.length) captions.push({ x: 0, y: 0, text: "Earliest start with any number of workers" });
  if (graph.isolated.length) {
    captions.push({ x: 0, y, text: "Isolated transactions, in rows as long as the critical path" });
    y += CAPTION;
    let [x, row] = [0, 0];
    for (const member of graph.isolated) {
      const length = nodes[member].seconds * scale;
      if (x && x + length > wide + 0.5) {
        x = 0;
        row += 1;
      }
      put(member, x, row, y);
      x += Math.max(length, 2.5);
    }
    y += (row + 2) * 15;
  }
  return { spots, captions, world: { x: -10, y: -ROW, w: wide + 20, h: y + ROW }, scale };
}
