// What is cheap is drawn at once; the canvases when they come near the window.

drawTiles();
drawSpeedups();
drawKeySets();
drawHot();
drawPath();
drawWhatIf();
drawLists();
drawMeasured();
startTheme();
const timed = (name, draw) => () => {
  performance.mark(name);
  draw();
  performance.measure(name, name);
};
if (data.nodes.length) lazily(byId("graph-body"), timed("graph", drawGraph));
else byId("graph-note").textContent = "The block is empty.";
if (data.schedule && data.transactions) lazily(byId("schedule-body"), timed("schedule", drawSchedule));
else
  byId("schedule-note").textContent = data.schedule
    ? "Nothing ran."
    : "No parallel run was measured for this report.";
performance.mark("report-interactive");
performance.measure("report", "report-start", "report-interactive");
