// Hot locations, the critical path as a list, what-ifs, declared lists, how it was measured.

const locationName = (location) =>
  el(
    "span",
    { class: "location", title: location.name + "\n" + location.address + " " + location.slot },
    brief(location.name),
  );

function drawHot() {
  const most = Math.max(...data.hot.map((each) => each.path_seconds), 0);
  byId("hot-note").textContent = data.hot.length
    ? "Ranked by the time of the path's steps that wait through them. “Cap” is what remains possible when this " +
      "one and all above it tie nothing any more."
    : "No location ties two transactions of this block.";
  const rows = data.hot.map((each, at) =>
    el(
      "li",
      { class: "hot" },
      el("span", { class: "rank" }, at + 1),
      el(
        "div",
        {},
        locationName(each.location),
        " ",
        el("span", { class: "where" }, brief(each.location.contract) + " · " + each.location.kind),
      ),
      el(
        "div",
        { class: "hot-bar" },
        el(
          "span",
          { class: "bar-track" },
          el("span", { class: "bar-fill", "--share": most ? each.path_seconds / most : 0 }),
        ),
        el("b", {}, duration(each.path_seconds)),
      ),
      el(
        "div",
        { class: "hot-facts" },
        fact("steps of the path", whole(each.path_steps)),
        fact("gas on the path", gasText(each.path_gas)),
        fact("edges", whole(each.edges)),
        fact("writers", whole(each.writers)),
        fact("readers", whole(each.readers)),
        fact("path without it", duration(each.span_without_seconds)),
        fact("cap", ratio(each.cap_with_these), "strong"),
      ),
    ),
  );
  if (rows.length) byId("hot-body").append(el("ol", { class: "hots" }, foldable(rows, 8)));
}

const fact = (name, value, kind = "") => el("span", { class: "fact " + kind }, el("i", {}, name), " ", value);

/** The first `most` of some elements, and a button that brings the rest. */
function foldable(elements, most) {
  if (elements.length <= most + 2) return elements;
  const rest = elements.slice(most);
  rest.forEach((each) => {
    each.hidden = true;
  });
  const button = el(
    "button",
    {
      type: "button",
      class: "more",
      onclick: () => {
        rest.forEach((each) => {
          each.hidden = false;
        });
        button.remove();
      },
    },
    "Show " + count(rest.length, "more", "more"),
  );
  return [...elements.slice(0, most), ...rest, button];
}

const PATH_COLUMNS = [
  { name: "Tx" },
  { name: "Operation" },
  { name: "Contract" },
  { name: "Gas", kind: "num" },
  { name: "ms", kind: "num" },
  { name: "Gas so far", kind: "num" },
  { name: "ms so far", kind: "num" },
  { name: "Waits for", kind: "num" },
  { name: "Through" },
];

function pathRow(step) {
  const shown = step.through.slice(0, 3).map((location) => el("li", {}, locationName(location)));
  const rest = step.through.slice(3);
  if (rest.length) {
    shown.push(
      el(
        "li",
        { class: "note", title: rest.map((location) => location.name).join("\n") },
        "and " + whole(rest.length) + " more",
      ),
    );
  }
  return {
    cells: [
      txButton(step.index),
      step.operation,
      el("span", { class: "one-line", title: step.to }, brief(step.contract)),
      whole(step.gas),
      short(1000 * step.seconds),
      whole(step.until_gas),
      short(1000 * step.until_seconds),
      step.waits_for === null ? "–" : txButton(step.waits_for),
      el("ul", { class: "through" }, shown),
    ],
  };
}

function drawPath() {
  const steps = data.path;
  byId("path-note").textContent = steps.length
    ? "The chain that takes the longest time: " +
      count(steps.length, "transaction") +
      ", " +
      duration(steps[steps.length - 1].until_seconds) +
      ", " +
      gasText(steps[steps.length - 1].until_gas) +
      " gas. No number of workers finishes the block sooner."
    : "The block is empty.";
  if (!steps.length) return;
  const body = byId("path-body");
  if (steps.length <= 24) {
    body.append(table("Critical path", PATH_COLUMNS, steps.map(pathRow)));
    return;
  }
  body.append(table("Critical path, first steps", PATH_COLUMNS, steps.slice(0, 12).map(pathRow)));
  const details = el(
    "details",
    {
      ontoggle: () => {
        if (details.open && details.children.length === 1) {
          details.append(table("Critical path, the other steps", PATH_COLUMNS, steps.slice(12).map(pathRow)));
        }
      },
    },
    el("summary", {}, "The other " + whole(steps.length - 12) + " steps"),
  );
  body.append(details);
}

function drawWhatIf() {
  const columns = [
    { name: "Change" },
    { name: "Cap before", kind: "num" },
    { name: "Cap after", kind: "num" },
    { name: "By gas before", kind: "num" },
    { name: "By gas after", kind: "num" },
    { name: "Locations", kind: "num" },
    { name: "Note" },
  ];
  const rows = data.what_if.map((each) => ({
    cells: [
      each.change,
      ratio(each.cap_before),
      el("b", {}, ratio(each.cap_after)),
      ratio(each.cap_before_gas),
      ratio(each.cap_after_gas),
      el("span", { title: each.locations.map((location) => location.name).join("\n") }, whole(each.locations.length)),
      each.note || "–",
    ],
  }));
  byId("what-if-body").append(
    rows.length
      ? table("Changes and the cap that would result", columns, rows)
      : el(
          "p",
          { class: "note" },
          "No change was asked about. Ask with --what-if commutative=LOCATION or " + "--what-if sharded=CONTRACT:K.",
        ),
  );
}

function drawLists() {
  const lists = data.lists;
  const body = byId("lists-body");
  if (!lists.transactions_with_list) {
    body.append(el("p", { class: "note" }, "No transaction of this block carries an access list."));
    return;
  }
  const orNone = (value, text) => (value === null ? "–" : text(value));
  body.append(
    el("p", { class: "note" }, "EIP-2930 lists against the storage slots that were really touched."),
    el(
      "dl",
      { class: "tiles small" },
      tile("With a list", whole(lists.transactions_with_list), percent(lists.adoption) + " of the transactions"),
      tile("Precision", orNone(lists.precision, percent), count(lists.superfluous, "slot") + " superfluous"),
      tile("Recall", orNone(lists.recall, percent), count(lists.missing, "slot") + " missing"),
      tile("Exact", whole(lists.exact), "neither missing nor superfluous"),
      tile("Over-serialisation", orNone(lists.over_serialisation, ratio), "edges that only the lists make"),
      lists.wasted_gas < 0
        ? tile("Gas saved by the lists", gasText(-lists.wasted_gas), "net of entries paid for in vain")
        : tile("Gas paid in vain", gasText(lists.wasted_gas), "net of what used entries saved"),
    ),
  );
  if (!lists.worst.length) return;
  const columns = [{ name: "Tx" }, { name: "Missing", kind: "num" }, { name: "Superfluous", kind: "num" }];
  body.append(
    el("h3", {}, "The worst lists"),
    el(
      "div",
      { class: "narrow" },
      table(
        "The worst lists",
        columns,
        lists.worst.map(([index, missing, superfluous]) => ({
          cells: [txButton(index), whole(missing), whole(superfluous)],
        })),
      ),
    ),
  );
}

function drawMeasured() {
  const run = data.schedule;
  const rows = run
    ? [
        ["Strategy", run.strategy],
        ["Access lists", run.access_lists],
        ["Backend", run.backend],
        ["Workers", whole(run.workers)],
        ["Parallel run", duration(run.seconds)],
        ["Sequential run", duration(run.sequential_seconds)],
        ["Gate", run.gate || "–"],
      ]
    : [["Parallel run", "none: only the sequential execution was timed"]];
  rows.push(["Execution of all transactions", duration(data.work.seconds)], ["Format", data.format]);
  byId("measured-body").append(
    el(
      "dl",
      { class: "pairs" },
      rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]),
    ),
  );
}
