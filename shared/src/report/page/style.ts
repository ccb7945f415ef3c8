/** The page's whole style: tokens, type, tables, charts, print. Nothing is loaded from anywhere. */
export const style = `
:root{color-scheme:light;--bg:#f7f7f5;--surface:#fff;--sunken:#efefec;--ink:#16191d;--ink2:#4a5159;--ink3:#636a73;--strong:#80868e;--line:#dedfdb;--accent:#2450a4;--met:#1d6b3f;--met-soft:#e4f1e9;--not:#b4231a;--not-soft:#fbe9e7;--warn:#7a5200;--s1:#2450a4;--s2:#a84f08;--s3:#0b7a54;--s4:#7c2370;--s5:#636a73}
@media (prefers-color-scheme:dark){:root{color-scheme:dark;--bg:#101214;--surface:#17191c;--sunken:#1f2226;--ink:#edeef0;--ink2:#b4bac2;--ink3:#959ca6;--strong:#70777f;--line:#2b2f34;--accent:#8db2ff;--met:#6cc892;--met-soft:#15291e;--not:#ff8f84;--not-soft:#3a1b19;--warn:#e9bc62;--s1:#8db2ff;--s2:#f08f55;--s3:#57dca6;--s4:#d389be;--s5:#959ca6}}
*,*::before,*::after{box-sizing:border-box}
html{background:var(--bg);color:var(--ink);font-family:Inter,system-ui,sans-serif;font-variant-numeric:tabular-nums;text-size-adjust:100%;-webkit-text-size-adjust:100%}
body{margin:0;font-size:.875rem;line-height:1.4286}
main{max-width:1040px;margin:0 auto;padding:24px 24px 64px}
h1,h2,h3,h4,p,dl,dd,ul,ol,figure{margin:0;padding:0}
h1{font-size:1.375rem;line-height:1.2727;font-weight:600;letter-spacing:-.014em;text-wrap:balance}
h2{font-size:1.125rem;line-height:1.35;font-weight:600;margin:40px 0 4px}
h3{font-size:.9375rem;line-height:1.4;font-weight:600;margin:0 0 8px}
h4{font-size:.8125rem;font-weight:600}
ul,ol{padding-left:18px}li{margin:2px 0}
code,.name{font-family:ui-monospace,'Cascadia Mono',Menlo,Consolas,monospace;font-size:.75rem;overflow-wrap:anywhere}
a{color:var(--accent)}
.eyebrow,.note,.name,.question{color:var(--ink3)}
.eyebrow,.note,figcaption p{font-size:.75rem;line-height:1.3333}
.question{margin-bottom:12px}
.about{color:var(--ink2);margin-top:6px}
.panel{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin-top:14px}
.panel>*+*{margin-top:16px}
.say{color:var(--ink2)}
.strip{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));border:1px solid var(--line);border-radius:8px;background:var(--surface);margin-top:16px;overflow:hidden}
.strip>div{padding:12px 16px;border-right:1px solid var(--line);border-bottom:1px solid var(--line);margin:0 -1px -1px 0}
.strip dt{font-size:.75rem;color:var(--ink3)}
.strip dd{font-size:1.25rem;line-height:1.4;font-weight:600}
.strip dd .line{display:block}
.strip dd small{font-size:.8125rem;font-weight:500;color:var(--ink2)}
.verdicts{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:14px;list-style:none;padding:0;margin-top:14px}
.verdicts li{background:var(--surface);border:1px solid var(--line);border-radius:8px;padding:14px 16px;margin:0}
.verdicts .head{display:flex;justify-content:space-between;gap:12px;font-weight:600}
.verdicts .figure{font-size:1.25rem;line-height:1.4;font-weight:600}
.verdicts .figure small{font-size:.8125rem;font-weight:500;color:var(--ink2)}
.verdict{display:inline-flex;align-items:center;gap:6px;font-size:.8125rem;font-weight:600;white-space:nowrap}
.verdict.met{color:var(--met)}.verdict.notMet{color:var(--not)}.verdict.cannotTell,.verdict.notMeasured{color:var(--ink2)}
.verdict-mark .fill.met{fill:var(--met)}.verdict-mark .fill.notMet{fill:var(--not)}
.verdict-mark .glyph{fill:none;stroke:var(--surface);stroke-width:1.6}
.verdict-mark .ring{fill:none;stroke:var(--ink2);stroke-width:1.3;stroke-dasharray:2.4 1.6}
.verdict-mark .line{fill:none;stroke:var(--ink2);stroke-width:1.3}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(280px,1fr));gap:10px 24px}
.facts dt{font-size:.75rem;color:var(--ink3)}.facts dd{overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-size:.8125rem;line-height:1.3846}
caption{text-align:left;font-size:.75rem;color:var(--ink3);padding-bottom:6px}
th,td{text-align:left;vertical-align:top;padding:7px 12px 7px 0;border-bottom:1px solid var(--line);font-weight:400}
thead th{font-size:.75rem;color:var(--ink3);white-space:nowrap}
tbody th{font-weight:500}
tr:last-child>*{border-bottom:0}
.number{text-align:right;white-space:nowrap}
.figures td.value{font-weight:600}
.figures .name,.figures .note{display:block}
.figures td.number .note{white-space:nowrap}
.figures th:first-child{width:30%}.figures thead th:last-child,.figures .drawn{width:40%}
.figures .drawn{padding-right:0}
.silent .withheld{background:var(--sunken);color:var(--ink2);padding-left:8px}
.ends{display:flex;justify-content:space-between;padding:0 2%;font-size:.6875rem;line-height:1;color:var(--ink3)}
.scroll{overflow-x:auto}
.confusion{width:auto}.confusion caption{white-space:nowrap}.confusion td{text-align:right;padding:7px 12px;min-width:64px}
.heat1{background:color-mix(in srgb,var(--s1) 8%,transparent)}.heat2{background:color-mix(in srgb,var(--s1) 14%,transparent)}.heat3{background:color-mix(in srgb,var(--s1) 20%,transparent)}.heat4{background:color-mix(in srgb,var(--s1) 26%,transparent)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(340px,100%),1fr));gap:20px 28px}
.chart{max-width:390px;min-width:0}
.chart svg[viewBox^="0 0 360"]{display:block;width:100%;height:auto;margin-top:6px}
.legend{display:flex;flex-wrap:wrap;gap:2px 14px;list-style:none;padding:0;margin-top:4px;font-size:.75rem;color:var(--ink2)}
.legend li{display:inline-flex;align-items:center;gap:6px;margin:0}
details summary{cursor:pointer;color:var(--ink2);font-size:.75rem;padding:6px 0;width:fit-content}
details[open]>summary{margin-bottom:4px}
.more>*+*{margin-top:12px}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
svg text{font-family:inherit;font-size:12px;fill:var(--ink3)}
svg .end{text-anchor:end}svg .middle{text-anchor:middle}
svg .asks{text-anchor:middle;fill:var(--ink)}
svg.reading{display:block;width:100%;overflow:visible}
.open{overflow:visible}
.scale{stroke:var(--strong);stroke-width:1}
.grid{stroke:var(--line);stroke-width:1}
.asked{fill:var(--met-soft)}.floor{fill:url(#floor)}
.floor-line{stroke:var(--strong);stroke-width:1}
.threshold{stroke:var(--ink);stroke-width:1.5}
line.reference,path.reference{stroke:var(--s5);stroke-width:1.5;stroke-dasharray:6 4;fill:none}
.mark{--tone:var(--s1)}.mark.met{--tone:var(--met)}.mark.notMet{--tone:var(--not)}.mark.cannotTell,.mark.notMeasured{--tone:var(--ink2)}
.mark .whisker{stroke:var(--tone);stroke-width:1.5}.mark .bar{stroke:var(--tone);stroke-width:5}
.mark .point{fill:var(--tone);stroke:var(--surface);stroke-width:1.5}.mark .point.hollow{fill:var(--surface);stroke:var(--tone);stroke-width:1.8}.mark .fill{fill:var(--tone)}
.stem{stroke:var(--s1);stroke-width:2;opacity:.45}
.curve{fill:none;stroke-width:2}
.curve.s1{stroke:var(--s1)}.curve.s2{stroke:var(--s2);stroke-dasharray:2 3}.curve.s3{stroke:var(--s3);stroke-dasharray:8 3}.curve.s4{stroke:var(--s4);stroke-dasharray:10 3 2 3}
.dot.s1,.band.s1{fill:var(--s1)}.dot.s2,.band.s2{fill:var(--s2)}.dot.s3,.band.s3{fill:var(--s3)}.dot.s4,.band.s4{fill:var(--s4)}
.band{opacity:.12}.gap.tint{fill:var(--s1);opacity:.2}.gap.hatch{fill:url(#gap)}.gap-line{stroke:var(--s2);stroke-width:1}
.thin{stroke-width:1.5}.thick{stroke-width:4}
.thin.s1,.thick.s1{stroke:var(--s1)}.thin.s2,.thick.s2{stroke:var(--s2)}.thin.s3,.thick.s3{stroke:var(--s3)}.thin.s4,.thick.s4{stroke:var(--s4)}
.column.plain{fill:var(--strong)}.column.positives{fill:var(--s1)}.column.negatives{fill:var(--surface);stroke:var(--s2);stroke-width:1.2}
.error{stroke:var(--ink);stroke-width:1}
.defs{position:absolute;width:0;height:0}
@media (max-width:640px){
main{padding:16px 12px 48px}
h1{font-size:1.25rem;line-height:1.3}
.panel,.verdicts li{padding:12px}
.verdicts{grid-template-columns:minmax(0,1fr)}
.facts{grid-template-columns:minmax(0,1fr)}
.strip{grid-template-columns:repeat(2,minmax(0,1fr))}
.strip dd{font-size:1.0625rem}
.strip>div:last-child:nth-child(odd){grid-column:1/-1}
.figures,.figures tbody{display:block}
.figures caption{display:block}
.figures thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.figures tr{display:grid;grid-template-columns:minmax(0,1fr) auto auto;column-gap:12px;border-bottom:1px solid var(--line);padding:7px 0}
.figures tr:last-child{border-bottom:0}
.figures th,.figures td{border:0;padding:0;width:auto}
.figures th:first-child,.figures .drawn{width:auto}
.figures .drawn,.figures .withheld{grid-column:1/-1;padding-top:6px}
.figures .withheld{padding:4px 8px;margin-top:4px}
details summary{padding:14px 0}
}
@page{size:A4;margin:16mm 14mm}
@media print{
:root{color-scheme:light;--bg:#fff;--surface:#fff;--sunken:#efefec;--ink:#16191d;--ink2:#4a5159;--ink3:#636a73;--strong:#80868e;--line:#dedfdb;--accent:#2450a4;--met:#1d6b3f;--met-soft:#e4f1e9;--not:#b4231a;--not-soft:#fbe9e7;--warn:#7a5200;--s1:#2450a4;--s2:#a84f08;--s3:#0b7a54;--s4:#7c2370;--s5:#636a73}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
html{font-size:13px}
main{max-width:none;padding:0}
.panel,.verdicts li,.strip{border-color:#c9cac6}
h2,h3,h4,caption{break-after:avoid}
.verdicts li,.chart,.facts>div,tr{break-inside:avoid}
.verdicts{grid-template-columns:repeat(2,minmax(0,1fr))}
.charts{grid-template-columns:repeat(2,minmax(0,1fr))}
.scroll{overflow:visible}
.more::details-content{content-visibility:visible;block-size:auto}
.more>summary{list-style:none}
.chart details{display:none}
}
`;
