/** How pages look: one column, the system's fonts, light and dark, and on paper. */
import { type Markup, styleSheet } from './markup.ts'

export const pageStyle: Markup = styleSheet(`
:root{--paper:#fff;--ink:#1f2933;--soft:#5f6b7a;--line:#d5dbe1;--panel:#f4f6f8;color-scheme:light dark}
@media screen and (prefers-color-scheme:dark){:root{--paper:#12171d;--ink:#e6eaee;--soft:#a3b0bd;--line:#343e49;--panel:#1c232b}}
*{box-sizing:border-box}
body{margin:0 auto;padding:3rem 1.25rem 4rem;max-width:calc(72ch + 2.5rem);background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:break-word;text-size-adjust:100%}
h1{margin:0 0 .75rem;font-size:1.9rem;line-height:1.2;letter-spacing:-.01em;text-wrap:balance}
h2{margin:2.75rem 0 .75rem;font-size:1.3rem;line-height:1.3;text-wrap:balance}
p{margin:0 0 1rem;text-wrap:pretty}
.lead{font-size:1.15rem;color:var(--soft)}
code{padding:.1em .3em;border-radius:.25em;background:var(--panel);font:.9em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
figure{margin:1.5rem -20px}
figure svg{display:block;max-width:100%;height:auto}
.narrow{display:none}
@media screen and (max-width:600px){.wide{display:none}.narrow{display:block}}
nav ol{margin:0 0 1rem;padding-left:1.6rem}
nav li{margin:.4rem 0}
nav span{display:block;color:var(--soft);font-size:.93rem;line-height:1.45}
a{color:inherit;text-underline-offset:.15em}
dl{display:grid;grid-template-columns:7.5rem 1fr;gap:.35rem 1rem;margin:0 0 1.25rem}
dt{grid-column:1;color:var(--soft)}
dd{grid-column:2;margin:0}
@media screen and (max-width:600px){dl{display:block}dt{margin-top:.6rem}}
details{margin:1rem 0}
summary{cursor:pointer;color:var(--soft)}
.note{color:var(--soft);font-size:.93rem;line-height:1.5}
.caption{margin:1.75rem 0 0;font-weight:600}
.caption+.table{margin-top:.25rem}
.table{width:max-content;min-width:100%;max-width:calc(50% + 50vw - 1.25rem);margin:1.75rem 0;overflow-x:auto;background:linear-gradient(90deg,var(--paper) 35%,transparent) left,linear-gradient(270deg,var(--paper) 35%,transparent) right,linear-gradient(90deg,#8886,transparent) left,linear-gradient(270deg,#8886,transparent) right;background-size:3rem 100%,3rem 100%,.8rem 100%,.8rem 100%;background-repeat:no-repeat;background-attachment:local,local,scroll,scroll}
.table:focus-visible{outline:2px solid var(--soft);outline-offset:2px}
table{border-collapse:collapse;min-width:100%;font-size:.93rem;line-height:1.4;font-variant-numeric:tabular-nums}
th,td{padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:normal}
th{border-bottom-color:var(--soft);font-weight:600;vertical-align:bottom}
th:last-child,td:last-child{padding-right:0}
.right{text-align:right}
td.right{white-space:nowrap}
footer{margin-top:3.5rem;padding-top:1rem;border-top:1px solid var(--line);color:var(--soft);font-size:.87rem}
@media print{.table{background:none}body{max-width:none;padding:0;font-size:10.5pt}h1,h2{break-after:avoid}figure,tr,dl{break-inside:avoid}.table{width:auto;max-width:none;overflow:visible}th,td{padding-right:.5rem;font-size:8pt}thead{display:table-header-group}@page{margin:20mm}}
`)
