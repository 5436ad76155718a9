/** How the live page looks: the colours of the reports, light and dark, the system's fonts; on a narrow screen the table scrolls. */
export const pageStyle = `
:root{--paper:#fff;--ink:#1f2933;--soft:#5f6b7a;--line:#d5dbe1;--panel:#f4f6f8;--calm:#0072b2;--past:#c2410c;--track:#e4e9ee;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--paper:#12171d;--ink:#e6eaee;--soft:#a3b0bd;--line:#343e49;--panel:#1c232b;--calm:#3d9fe0;--past:#f08a4b;--track:#29323c}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:78rem;background:var(--paper);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:anywhere;text-size-adjust:100%}
header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1rem}
h1{margin:0;font-size:1.6rem;line-height:1.2;letter-spacing:-.01em}
#state{padding:.1rem .7rem;border-radius:1rem;background:var(--panel);color:var(--soft);font-size:.87rem}
#state.ready{color:var(--calm)}
#state.past{color:var(--past);font-weight:600}
#totals{display:flex;flex-wrap:wrap;gap:.75rem 2.5rem;margin:1.75rem 0 2.25rem;padding:0}
#totals div{min-width:7rem}
#totals dt{color:var(--soft);font-size:.87rem}
#totals dd{margin:0;font-size:1.6rem;line-height:1.25;font-variant-numeric:tabular-nums}
#totals small{color:var(--soft);font-size:.95rem}
.table{overflow-x:auto}
.table:focus-visible{outline:2px solid var(--soft);outline-offset:2px}
table{border-collapse:collapse;min-width:100%;font-size:.95rem;line-height:1.4;font-variant-numeric:tabular-nums}
th,td{padding:.6rem 1.1rem .6rem 0;border-top:1px solid var(--line);text-align:left;vertical-align:top;white-space:nowrap}
thead th{border-top:0;border-bottom:1px solid var(--soft);color:var(--soft);font-weight:500;font-size:.87rem}
tbody:first-of-type tr:first-child>*{border-top:0}
th:last-child,td:last-child{padding-right:0}
tbody th{font-weight:600;white-space:normal;min-width:9rem}
tbody th small{display:block;color:var(--soft);font-weight:400}
.right{text-align:right}
.none{color:var(--soft)}
.past{color:var(--past)}
td.past{font-weight:600}
.use{display:flex;align-items:center;gap:.7rem}
.meter{position:relative;width:9rem;height:.6rem;border-radius:.3rem;background:var(--track);overflow:hidden}
.meter i{display:block;width:var(--share,0%);height:100%;background:var(--calm);transition:width .4s}
.past .meter i{background:var(--past)}
.meter::after{content:'';position:absolute;left:80%;top:0;bottom:0;width:2px;background:var(--paper)}
td.why{padding-top:0;border-top:0;white-space:normal;max-width:70ch;font-size:.9rem;font-weight:400}
td.why p{margin:0 0 .35rem}
#lost{margin:1.5rem 0 0;padding:.6rem .9rem;border-left:3px solid var(--past);background:var(--panel)}
#lost[hidden]{display:none}
main.stale{opacity:.5}
footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.87rem;max-width:75ch}
footer p{margin:0 0 .5rem}
a{color:inherit}
@media (prefers-reduced-motion:reduce){.meter i{transition:none}}
@media print{body{max-width:none;padding:0}}
`
