import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { performance } from '../../queries/measures/performance.ts';
import { reportDocument } from '../report-document.ts';
import { exampleReportInput } from '../testing/example-report.ts';
import { escaped } from './markup.ts';
import { histogramWeight } from './measure-charts.ts';
import { reportPage } from './report-page.ts';

const document = reportDocument(exampleReportInput());
const page = reportPage(document);

describe('the page of a report', () => {
  it('shows every figure and every withheld reason that the document has', () => {
    for (const { figures } of document.measures) {
      for (const { name, withheld } of figures) {
        expect(page).toContain(escaped(name));
        if (withheld !== null) expect(page).toContain(escaped(withheld));
      }
    }
    for (const { reason } of document.thresholds) expect(page).toContain(escaped(reason));
  });

  it('runs nothing and loads nothing: no script, no address, no attribute of style or event', () => {
    expect(page).not.toMatch(/<script|\son\w+=|\sstyle=|javascript:|@import|<iframe|<img/i);
    // Namespaces are no requests, and there are none either.
    expect(page).not.toMatch(/https?:/);
    expect(page.match(/url\([^)]*\)/g)?.every((url) => url.startsWith('url(#'))).toBe(true);
  });

  it('its policy allows its own style and nothing else', () => {
    const style = /<style>([\s\S]*?)<\/style>/.exec(page)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page).toContain(`default-src 'none'; style-src 'sha256-${hash}'; img-src data:;`);
  });

  it('escapes what plan and releases say, as text and in attributes', () => {
    const text = `"><script>alert('x')</script>&amp;`;
    const hostile = reportPage(reportDocument(exampleReportInput({ text })));
    expect(hostile).not.toContain('<script');
    expect(hostile).not.toContain(text);
    expect(hostile).toContain('&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;&#38;amp;');
  });

  it('has no number that is none', () => {
    expect(page).not.toMatch(/NaN|undefined|\[object|Infinity/);
  });

  it('draws kinds that it knows, and lists those that it does not', () => {
    for (const title of [
      'Calibration',
      'Scores',
      'Accuracy under attack',
      'Certified accuracy',
      'Accuracy by round',
      'Labels',
    ]) {
      expect(page).toContain(`<h4>${title}</h4>`);
    }
    expect(page).toContain('anotherDay.newFigure');
  });

  it('reads histograms with the weight that the measure gives them', () => {
    const { normL2 } = performance;
    const context = { target: 'binary' } as Parameters<typeof normL2>[0];
    expect(normL2(context, { kind: 'performance', share: 1, bins: 20, lossMax: 4 })).toBeCloseTo(
      Math.sqrt(1 + 3 * histogramWeight ** 2),
      12,
    );
  });
});
