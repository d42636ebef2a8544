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
if (data.nodes.length) lazily(byId("graph-body"), drawGraph);
else byId("graph-note").textContent = "The block is empty.";
if (data.schedule) lazily(byId("schedule-body"), drawSchedule);
else byId("schedule-note").textContent = "No parallel run was measured for this report.";
performance.mark("report-interactive");
performance.measure("report", "report-start", "report-interactive");
