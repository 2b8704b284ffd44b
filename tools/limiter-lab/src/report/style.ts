/** Colours by role, for light and dark; text has a contrast of at least 4.5 : 1 on its ground. */
const LIGHT = `
  --ground: #fcfcfb; --panel: #ffffff; --text: #1c2024; --dim: #5b636b; --line: #d5d9de; --grid: #eceff2; --accent: #0b62a8;
  --stall: #b3261e; --store: #6a8fb5; --spill: #8a4fb0; --swept: #2f8f6b; --faulted: #d98a1f; --sink: #56789b; --held: #d9a600;
  --good: #11663f; --bad: #a3231b; --focus: #0b62a8;
  --heat0: #0f6b62; --heat0-text: #ffffff; --heat1: #3d978b; --heat1-text: #06211e; --heat2: #8dcabf; --heat2-text: #06211e;
  --heat3: #d3ebe6; --heat3-text: #12312d; --heat4: #f2f3f4; --heat4-text: #2b3036; --heat5: #fbe3d0; --heat5-text: #4a2408;
  --heat6: #f2b487; --heat6-text: #3b1b03; --heat7: #d9743a; --heat7-text: #1d0b00; --heat8: #9c3d10; --heat8-text: #ffffff;`;

const DARK = `
  --ground: #14171a; --panel: #1b1f23; --text: #e6e9ec; --dim: #a3abb3; --line: #3a4148; --grid: #2a3036; --accent: #6cb8f5;
  --stall: #ff7b70; --store: #5f8dbd; --spill: #b98ae0; --swept: #4fc08f; --faulted: #f0a94a; --sink: #86aed6; --held: #e0b93c;
  --good: #5fd39a; --bad: #ff8d83; --focus: #6cb8f5;
  --heat0: #38c4b3; --heat0-text: #04211d; --heat1: #249084; --heat1-text: #ffffff; --heat2: #17635b; --heat2-text: #e4fffb;
  --heat3: #17403b; --heat3-text: #cdeee9; --heat4: #262b30; --heat4-text: #d6dbe0; --heat5: #48301d; --heat5-text: #fbdcc4;
  --heat6: #7a4119; --heat6-text: #ffe9d9; --heat7: #bd5f22; --heat7-text: #ffffff; --heat8: #ff9a57; --heat8-text: #2a0f00;`;

export const STYLE = `
:root { color-scheme: light dark; ${LIGHT} }
@media (prefers-color-scheme: dark) { :root:not([data-theme=light]) { ${DARK} } }
:root[data-theme=dark] { color-scheme: dark; ${DARK} }
:root[data-theme=light] { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 20px 24px 60px; max-width: 1280px; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 25px; line-height: 1.2; margin: 0 0 4px; } h2 { font-size: 19px; margin: 40px 0 4px; }
p { margin: 6px 0; max-width: 92ch; } .dim, small { color: var(--dim); } small { display: block; font-size: 11px; font-weight: 400; line-height: 1.25; }
.note { border-left: 3px solid var(--held); padding: 2px 0 2px 10px; }
code { font-size: 0.92em; background: var(--grid); padding: 1px 4px; border-radius: 3px; }
a { color: var(--accent); }
.settings { display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 0; margin: 8px 0; list-style: none; color: var(--dim); font-size: 13px; }
.settings b { color: var(--text); font-weight: 600; }
.controls { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: end; margin: 10px 0; padding: 10px 12px; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; }
.controls.sticky { position: sticky; top: 0; z-index: 3; }
label { font-size: 12px; color: var(--dim); display: grid; gap: 2px; }
select { max-width: 190px; }
select, .controls button { font: inherit; font-size: 14px; color: var(--text); background: var(--ground); border: 1px solid var(--line); border-radius: 5px; padding: 4px 8px; min-height: 32px; }
input[type=range] { width: 110px; accent-color: var(--accent); }
:focus-visible { outline: 3px solid var(--focus); outline-offset: 1px; border-radius: 3px; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--dim); font-size: 13px; padding: 2px 0 6px; }
th, td { padding: 3px 7px; border-bottom: 1px solid var(--grid); text-align: left; vertical-align: middle; }
thead th { font-size: 12px; color: var(--dim); font-weight: 600; vertical-align: bottom; } th[colspan] { text-align: center; border-left: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; } tbody th { font-weight: 600; white-space: nowrap; }
.ranking { width: 100%; background: var(--panel); } .ranking button, .heat button { all: unset; cursor: pointer; box-sizing: border-box; }
.ranking button:hover { text-decoration: underline; } .ranking tr.chosen th { color: var(--accent); }
.bar { position: relative; min-width: 110px; } .bar span { position: absolute; left: 6px; top: 5px; bottom: 5px; background: var(--store); opacity: 0.4; border-radius: 2px; } .bar b { position: relative; }
.mark { color: var(--dim); white-space: nowrap; } .mark.good { color: var(--good); } .mark.bad { color: var(--bad); font-weight: 600; }
.heat { table-layout: fixed; min-width: 1180px; } .heat td { padding: 0; border: 1px solid var(--ground); text-align: center; } .heat col.policy { width: 186px; }
.heat button { display: block; width: 100%; padding: 3px 2px; line-height: 1.2; font-size: 12.5px; } .heat button small { color: inherit; opacity: 0.92; font-size: 10.5px; }
.heat button:focus-visible { outline: 3px solid var(--focus); outline-offset: -3px; } .heat button[aria-pressed=true] { box-shadow: inset 0 0 0 3px var(--text); }
.heat th.sink { font-weight: 400; text-align: center; padding: 2px 1px; font-size: 10.5px; letter-spacing: -0.01em; }
${Array.from({ length: 9 }, (_, i) => `.heat${i} { background: var(--heat${i}); color: var(--heat${i}-text); }`).join('\n')}
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; font-size: 12.5px; color: var(--dim); } .swatch { padding: 1px 9px; border-radius: 3px; } .legend:has(.swatch) { gap: 3px; }
.key::before { content: ""; display: inline-block; width: 14px; height: 10px; margin-right: 5px; border-radius: 2px; background: var(--mark); }
.key.held { --mark: var(--held); } .key.stall { --mark: var(--stall); } .key.store { --mark: var(--store); } .key.spill { --mark: var(--spill); }
.key.swept, .key.go { --mark: var(--swept); } .key.faulted { --mark: var(--faulted); } .key.sink { --mark: var(--sink); } .key.wait { --mark: var(--held); }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 480px), 1fr)); gap: 14px; }
figure { margin: 0; padding: 10px 10px 4px; background: var(--panel); border: 1px solid var(--line); border-radius: 8px; } figcaption { font-size: 13px; margin-bottom: 4px; }
svg { display: block; width: 100%; height: auto; font: 11px system-ui, "DejaVu Sans", sans-serif; }
svg text { fill: var(--text); } svg .tick { fill: var(--dim); } svg .caption { fill: var(--dim); font-size: 11.5px; font-weight: 600; }
svg .grid { stroke: var(--grid); } svg .axis { stroke: var(--line); }
svg .area { opacity: 0.45; stroke: none; } svg .edge { fill: none; stroke-width: 1.2; }
svg .area.store { fill: var(--store); } svg .edge.store { stroke: var(--store); } svg .area.spill { fill: var(--spill); } svg .edge.spill { stroke: var(--spill); }
svg .area.swept { fill: var(--swept); opacity: 0.75; } svg .edge.swept { stroke: var(--swept); } svg .area.faulted { fill: var(--faulted); opacity: 0.75; } svg .edge.faulted { stroke: var(--faulted); }
svg .area.sink { fill: var(--sink); } svg .edge.sink { stroke: var(--sink); } svg .stall { fill: var(--stall); } svg .held { fill: var(--held); }
svg .tail { fill: none; stroke: var(--dim); stroke-width: 1; opacity: 0.45; } svg .tail.first { stroke: var(--accent); stroke-width: 2.6; opacity: 1; } svg .tail.versus { stroke: var(--stall); stroke-width: 2.6; stroke-dasharray: 6 3; opacity: 1; }
svg .label { fill: var(--dim); } svg .label.first { fill: var(--accent); font-weight: 700; } svg .label.versus { fill: var(--stall); font-weight: 700; } svg .label.front, svg .label.chosen { fill: var(--text); font-weight: 600; }
svg circle { stroke: var(--text); stroke-width: 1.4; fill: var(--panel); } svg circle.front { fill: var(--swept); } svg circle.chosen { stroke: var(--accent); stroke-width: 3; } svg .leader { stroke: var(--dim); stroke-width: 0.7; }
svg .lane.go { fill: var(--swept); } svg .lane.wait { fill: var(--held); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 14px; font-size: 13.5px; } dt { font-weight: 600; } dd { margin: 0; }
@media print { .controls { display: none; } }
`;
