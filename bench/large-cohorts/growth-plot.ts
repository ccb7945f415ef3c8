/** CPU of one round: of one client and of the coordinator. */
export type GrowthPoint = {
  readonly clients: number;
  readonly clientSeconds: number;
  readonly coordinatorSeconds: number;
};

/** The points of one way to sum. */
export type GrowthCurve = { readonly name: string; readonly points: readonly GrowthPoint[] };

const width = 720;
const height = 440;
const inner = { left: 70, right: 690, top: 96, bottom: 390 };
const colours = ['#0b6e99', '#b4541a', '#3d7a2e'];

/**
 * An SVG of how a round's cost grows with its clients, both axes logarithmic, so that what is linear in n has the slope of the
 * thin line and what is flat lies level.
 * @param title - one line above the plot
 */
export function growthPlot(title: string, curves: readonly GrowthCurve[]): string {
  const points = curves.flatMap((curve) => curve.points);
  const x = logScale(decades(points.map(({ clients }) => clients)), inner.left, inner.right);
  const y = logScale(
    decades(points.flatMap(({ clientSeconds, coordinatorSeconds }) => [clientSeconds, coordinatorSeconds])),
    inner.bottom,
    inner.top,
  );
  const grid = [
    ...x.ticks.map((tick) => line(x.at(tick), inner.top, x.at(tick), inner.bottom, '#ddd')),
    ...y.ticks.map((tick) => line(inner.left, y.at(tick), inner.right, y.at(tick), '#ddd')),
  ];
  const labels = [
    ...x.ticks.map((tick) => text(x.at(tick), inner.bottom + 18, tick.toLocaleString('en'), 'middle')),
    ...y.ticks.map((tick) => text(inner.left - 8, y.at(tick) + 4, `${tick} s`, 'end')),
    text((inner.left + inner.right) / 2, height - 16, 'clients of a round', 'middle'),
  ];
  const drawn = curves.flatMap(({ name, points: own }, index) => {
    const colour = colours[index % colours.length]!;
    const key = 40 + 16 * index;
    return [
      curveOf(own, x.at, (point) => y.at(point.coordinatorSeconds), colour, ''),
      curveOf(own, x.at, (point) => y.at(point.clientSeconds), colour, '6 4'),
      line(inner.left, key, inner.left + 26, key, colour),
      text(inner.left + 32, key + 4, `${name}: the coordinator; dashed: one client`, 'start'),
    ];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    text(inner.left, 22, title, 'start'),
    ...grid,
    ...labels,
    slopeOfOne(x, y),
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

type Scale = { readonly at: (value: number) => number; readonly ticks: readonly number[] };

/** The powers of ten around the values. */
function decades(values: readonly number[]): readonly [number, number] {
  return [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
}

function logScale([low, high]: readonly [number, number], from: number, to: number): Scale {
  const span = Math.max(1, high - low);
  return {
    at: (value) => from + ((Math.log10(value) - low) / span) * (to - from),
    ticks: Array.from({ length: span + 1 }, (_, index) => Number((10 ** (low + index)).toPrecision(1))),
  };
}

/** Cost linear in n, for the eye. */
function slopeOfOne(x: Scale, y: Scale): string {
  const [first, last] = [x.ticks[0]!, x.ticks.at(-1)!];
  const start = y.ticks[0]!;
  const steps = Math.min(Math.log10(last / first), Math.log10(y.ticks.at(-1)! / start));
  const [endX, endY] = [x.at(first * 10 ** steps), y.at(start * 10 ** steps)];
  return line(x.at(first), y.at(start), endX, endY, '#999') + text(endX - 6, endY - 6, 'linear in n', 'end');
}

function curveOf(
  points: readonly GrowthPoint[],
  x: (clients: number) => number,
  y: (point: GrowthPoint) => number,
  colour: string,
  dash: string,
): string {
  const places = points.map((point) => `${x(point.clients).toFixed(1)},${y(point).toFixed(1)}`);
  const dots = places.map((place) => `<circle cx="${place.replace(',', '" cy="')}" r="3" fill="${colour}"/>`);
  const path = `<polyline points="${places.join(' ')}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}"/>`;
  return path + dots.join('');
}

function line(x1: number, y1: number, x2: number, y2: number, colour: string): string {
  const place = [x1, y1, x2, y2].map((value) => value.toFixed(1));
  return `<line x1="${place[0]}" y1="${place[1]}" x2="${place[2]}" y2="${place[3]}" stroke="${colour}"/>`;
}

function text(x: number, y: number, words: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="#333">${words}</text>`;
}
