// The headline: tiles, measured speed-up beside what is possible, the five key sets.

const keySetD = data.key_sets.find((each) => each.key_set === "D");
const KEY_SET_MEANING = {
  A: "everything, block fees included",
  B: "every balance is read and written",
  C: "blind credits commute",
  D: "C less nonces and bounds that hold: what the executor runs by",
  S: "storage slots only",
};

/** Speed-up of the best list schedule on as many workers as were measured; null where it was not computed. */
function scheduleBound(workers) {
  const makespan = keySetD && keySetD.makespans.find((each) => each.workers === workers);
  return makespan && makespan.seconds > 0 ? data.work.seconds / makespan.seconds : null;
}

function tile(name, value, under) {
  return el("div", { class: "tile" }, el("dt", {}, name), el("dd", {}, el("b", {}, value), el("small", {}, under)));
}

function measuredTiles(run) {
  const speedup = run.sequential_seconds / run.seconds;
  const bound = scheduleBound(run.workers);
  return [
    tile(
      "Measured speed-up",
      ratio(speedup),
      `on ${count(run.workers, "worker")}${bound === null ? "" : `; the dependencies allow ${ratio(bound)}`}` +
        (bound !== null && speedup > bound ? ": more than that is noise of the machine" : ""),
    ),
    tile(
      "Executions per transaction",
      data.transactions ? short(run.executions / data.transactions) : "–",
      count(run.executions, "execution"),
    ),
    tile("Conflicts", whole(run.conflicts), "results not used and run again"),
  ];
}

function drawTiles() {
  const tiles = [
    tile("Transactions", whole(data.transactions), "in " + count(data.components, "independent group")),
    tile("Gas", gasText(data.work.gas), duration(data.work.seconds) + " one after another"),
  ];
  if (keySetD) {
    tiles.push(
      tile(
        "Cap of the speed-up",
        ratio(keySetD.cap.seconds),
        "work / critical path by time; " + ratio(keySetD.cap.gas) + " by gas",
      ),
    );
  }
  if (data.schedule) tiles.push(...measuredTiles(data.schedule));
  byId("tiles").append(...tiles);
  const where = data.number ? ["Block " + data.number.toString()] : [];
  byId("facts").textContent = [...where, data.fork, count(data.transactions, "transaction")]
    .filter(Boolean)
    .join(" · ");
}

/** A bar of the chart with its name and figure; `share` of the full width. */
function bar(name, value, share, kind) {
  return el(
    "div",
    { class: "bar " + kind },
    el("span", { class: "bar-name" }, name),
    el("span", { class: "bar-track" }, el("span", { class: "bar-fill", "--share": Math.max(0, Math.min(1, share)) })),
    el("span", { class: "bar-value" }, value),
  );
}

function drawSpeedups() {
  const run = data.schedule;
  if (!keySetD || !data.transactions) return;
  const rows = [];
  if (run) {
    rows.push(["Measured, " + count(run.workers, "worker"), run.sequential_seconds / run.seconds, "measured"]);
  }
  for (const makespan of keySetD.makespans) {
    if (makespan.seconds > 0) {
      rows.push([
        "List schedule, " + count(makespan.workers, "worker"),
        data.work.seconds / makespan.seconds,
        "possible",
      ]);
    }
  }
  rows.push(["Cap, any number of workers", keySetD.cap.seconds, "cap"]);
  const most = Math.max(1, ...rows.map((row) => row[1]));
  byId("speedups").append(
    el("h3", {}, "Speed-up: measured beside what the dependencies allow"),
    ...rows.map(([name, value, kind]) => bar(name, ratio(value), value / most, kind)),
  );
}

function drawKeySets() {
  const numeric = (name, title) => ({ name, title, kind: "num" });
  const columns = [
    { name: "Key set" },
    numeric("Isolated", "share of the transactions without any edge"),
    numeric("Edges", "only the last writer before each reader"),
    numeric("All pairs", "every writer and later reader of some location"),
    numeric("Degree", "2 × edges / transactions"),
    numeric("Largest group", "largest connected component / transactions"),
    numeric("Hottest", "share of the conflicts that one location has"),
    numeric("Chain", "transactions on the longest chain"),
    numeric("Span, ms", "critical path in seconds"),
    numeric("Cap, tx", "work / span, counting transactions"),
    numeric("Cap, gas", "work / span by gas"),
    numeric("Cap, time", "work / span by measured seconds"),
  ];
  const rows = data.key_sets.map((each) => ({
    mark: each.key_set === "D" ? "strong" : "",
    cells: [
      el("span", { title: KEY_SET_MEANING[each.key_set] || "" }, each.key_set),
      percent(each.isolated_share),
      whole(each.edges_last_writer),
      whole(each.edges_all_pairs),
      short(each.average_degree),
      percent(each.giant_component_ratio),
      percent(each.hot_location_concentration),
      whole(each.span.transactions),
      short(1000 * each.span.seconds),
      ratio(each.cap.transactions),
      ratio(each.cap.gas),
      ratio(each.cap.seconds),
    ],
  }));
  const meanings = data.key_sets.map((each) => [
    el("dt", {}, each.key_set),
    el("dd", {}, KEY_SET_MEANING[each.key_set] || ""),
  ]);
  byId("key-sets-body").append(table("Metrics by key set", columns, rows), el("dl", { class: "meanings" }, meanings));
}
