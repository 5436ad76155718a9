/** The live page: one HTML file that loads nothing but the snapshot, and a policy that lets it do nothing else. */

import { createHash } from 'node:crypto'
import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'

const heads = [
  ['Pool', ''],
  ['Utilisation', ''],
  ['Leased', 'right'],
  ['Idle', 'right'],
  ['Waiting', 'right'],
  ['Longest wait', 'right'],
  ['Active clients', 'right'],
  ['Idle clients', 'right'],
  ['Leases/s', 'right'],
  ['Mean hold', 'right'],
]

/** Nothing in it comes from outside: names are filled in by the script, as text. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Taxirank: pools</title>
<link rel="icon" href="data:,">
<style>${pageStyle}</style>
</head>
<body>
<header><h1>Taxirank</h1><span id="state" role="status">…</span></header>
<p id="lost" role="alert" hidden>The pooler does not answer. These are its last figures; trying again.</p>
<main id="figures">
<dl id="totals"></dl>
<div class="table" role="region" aria-label="Pools" tabindex="0">
<table>
<thead><tr>${heads.map(([name, kind]) => `<th scope="col"${kind ? ` class="${kind}"` : ''}>${name}</th>`).join('')}</tr></thead>
<tbody id="pools"></tbody>
</table>
</div>
<noscript><p>This page needs its script. The same figures are at <a href="metrics">metrics</a> and <a href="api/snapshot">api/snapshot</a>.</p></noscript>
</main>
<footer>
<p>Utilisation: lease time over the last ten seconds, of what the pool could have lent; the line in each bar is at 80 %. Leased and idle are servers at this instant.</p>
<p><span id="program"></span> <a href="metrics">metrics</a> <a href="api/snapshot">snapshot</a></p>
</footer>
<script>${pageScript}</script>
</body>
</html>
`

export const pagePolicy = [
  "default-src 'none'",
  `script-src '${hashOf(pageScript)}'`,
  `style-src '${hashOf(pageStyle)}'`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

function hashOf(inline: string): string {
  return `sha256-${createHash('sha256').update(inline).digest('base64')}`
}
