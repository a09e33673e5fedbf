"""How the page looks: by day and by night, on a desk and on a phone, without anything from elsewhere."""

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--ground:#fff;--card:#f6f7f9;--line:#d9dde3;--ink:#1a1f27;--soft:#5a6573;
--good:#1a7f4b;--bad:#c2291e;--open:#9a6700;--first:#2f6fd0;--second:#c46a12;--track:#e7eaef}
@media (prefers-color-scheme:dark){:root{--ground:#12161c;--card:#1a2029;--line:#303947;--ink:#e7ebf1;--soft:#9aa7b8;
--good:#4cc38a;--bad:#ff7b6e;--open:#e0b341;--first:#7aa8f5;--second:#f0a35c;--track:#2a3340}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.25rem;max-width:62rem;background:var(--ground);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.15rem;margin:2.25rem 0 .75rem}
h3{font-size:1rem;margin:1.25rem 0 .5rem}
p{margin:.35rem 0}code{font:.85em ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
.soft{color:var(--soft)}.small{font-size:.85rem}
.word{display:inline-block;padding:.1rem .6rem;border-radius:1rem;border:2px solid currentColor;font-weight:700;
font-size:.95rem;vertical-align:.15em}
.passed{color:var(--good)}.failed{color:var(--bad)}.prove-on-device{color:var(--open)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:1rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.check{border:1px solid var(--line);border-left:.3rem solid var(--good);border-radius:.4rem;background:var(--card);
padding:.55rem .8rem;margin:.45rem 0}
.check.is-failed{border-left-color:var(--bad)}.check.is-prove-on-device{border-left-color:var(--open)}
.check header{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.1rem 1rem}
.check b{font-weight:600}.value{font-variant-numeric:tabular-nums;white-space:nowrap}
.check p{font-size:.9rem;color:var(--soft);margin:.15rem 0 0}
details summary{cursor:pointer}details.more{margin:.45rem 0}
.plot{border:1px solid var(--line);border-radius:.4rem;padding:.8rem;background:var(--card)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.85rem;margin-bottom:.5rem}
.legend i{display:inline-block;width:.75rem;height:.75rem;border-radius:50%;margin-right:.4rem;background:var(--first)}
.legend i.second{background:var(--second);border-radius:0;transform:rotate(45deg) scale(.8)}
.legend i.hollow{background:none;border:2px solid var(--first)}
.bars{display:grid;grid-template-columns:minmax(6rem,max-content) 1fr max-content;gap:.3rem .8rem;align-items:center;
font-size:.88rem}
.bars .name{overflow-wrap:anywhere}.bars .number{font-variant-numeric:tabular-nums;text-align:right}
.track{position:relative;height:1.35rem;background:var(--track);border-radius:.2rem}
.track span{position:absolute}
.range{height:.22rem;background:var(--first);opacity:.55;top:.32rem}.range.second{background:var(--second);top:.82rem}
.dot{width:.65rem;height:.65rem;margin-left:-.325rem;border-radius:50%;background:var(--first);top:.11rem}
.dot.second{background:var(--second);border-radius:0;transform:rotate(45deg) scale(.85);top:.6rem}
.dot.hollow{background:var(--track);border:2px solid var(--first)}
.single .range{top:.57rem}.single .dot{top:.35rem}
.fill{left:0;top:0;bottom:0;background:var(--first);border-radius:.2rem;opacity:.75}.fill.over{background:var(--bad)}
.limit{width:2px;margin-left:-1px;top:-.15rem;bottom:-.15rem;background:var(--ink)}
.axis{display:flex;justify-content:space-between;font-size:.75rem;color:var(--soft);grid-column:2}
svg{display:block;max-width:22rem;width:100%;height:auto}
svg text{fill:var(--soft);font-size:11px;font-family:inherit}
table{border-collapse:collapse;width:100%;font-size:.85rem}
td{border-top:1px solid var(--line);padding:.3rem .6rem .3rem 0;
vertical-align:top;overflow-wrap:anywhere}
@media (max-width:32rem){body{padding:.8rem}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}
.bars{grid-template-columns:minmax(4.5rem,7rem) 1fr max-content;gap:.3rem .5rem;font-size:.8rem}}
@media print{body{max-width:none}.check{break-inside:avoid}}
"""
