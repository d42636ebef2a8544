"""The look of the page of a comparison."""

STYLE = """
:root { color-scheme: light dark; --ground: #fbfbf9; --ink: #1d2327; --soft: #69727a; --rule: #dfe2e0;
  --fill: #8fb3d1; --won: #2f7d4f; --won-ground: #e9f5ec; --bad: #b3261e; --track: #eef0ee; }
@media (prefers-color-scheme: dark) { :root { --ground: #15181b; --ink: #e4e7e9; --soft: #98a2aa; --rule: #2e3439;
  --fill: #456f92; --won: #6fc48e; --won-ground: #1b2b22; --bad: #ff8a80; --track: #21262a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1220px; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; letter-spacing: -.01em; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 0; }
p { margin: .25rem 0; max-width: 75ch; overflow-wrap: anywhere; }
.about, footer { color: var(--soft); font-size: .9rem; }
.verdict { margin: .6rem 0 .9rem; padding-left: .8rem; border-left: 3px solid var(--won); }
.problem { color: var(--bad); font-size: .9rem; }
footer { margin-top: 3rem; border-top: 1px solid var(--rule); padding-top: 1rem; }
.scroll { overflow-x: auto; }
.scroll:focus-visible { outline: 2px solid var(--fill); outline-offset: 3px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .88rem; }
th { font-weight: 600; color: var(--soft); border-bottom: 1px solid var(--rule); }
th, td { text-align: right; padding: .22rem .45rem; white-space: nowrap; }
th.text, td.text { text-align: left; }
th.bar, td.bar { width: 22%; min-width: 4.5rem; }
th span[title] { text-decoration: underline dotted; text-underline-offset: 3px; cursor: help; }
tbody tr:hover { background: var(--track); }
tr.won { background: var(--won-ground); font-weight: 600; }
tr.won td:first-child { color: var(--won); }
tr.grey { color: var(--soft); }
.track { position: relative; height: .7rem; background: var(--track); border-radius: 2px; }
.track i { position: absolute; top: 0; bottom: 0; }
.fill { left: 0; background: var(--fill); border-radius: 2px; }
tr.won .fill { background: var(--won); }
tr.grey .fill { opacity: .4; }
.one { width: 1px; background: var(--soft); }
.bound { width: 3px; margin-left: -3px; top: -2px; bottom: -2px; background: var(--ink); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
@media (max-width: 800px) { .more { display: none; } main { padding: 1.25rem .75rem 3rem; } }
@media (max-width: 480px) { .some { display: none; } th, td { padding: .22rem .3rem; } table { font-size: .8rem; } }
@media print { .scroll { overflow: visible; } tr { break-inside: avoid; } }
"""
