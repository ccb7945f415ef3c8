import { layoutLength } from '../../vector/index.ts';
import type { QueryContext } from '../query.ts';
import { conclusionOf } from './conclusion-list.ts';
import { measureOf } from './measure-list.ts';
import { measureSums, type MeasuresSlot } from './measures-query.ts';

/** Before a figure's kind where it is not of the report's own units: the same measure may be asked of several parts. */
const prefixOf: Readonly<Record<MeasuresSlot, string>> = { survey: 'survey.', trainReport: 'train.', report: '' };

/** The path by which thresholds name a figure, for example `performance.accuracy` or `train.performance.accuracy`. */
export function figurePath(slot: MeasuresSlot, kind: string, name: string): string {
  return `${prefixOf[slot]}${kind}.${name}`;
}

/** The path of every figure that a slot's measures will have: what they would conclude of nobody, all of it withheld. */
export function figurePathsOf(context: QueryContext, slot: MeasuresSlot): readonly string[] {
  return context.measures[slot].flatMap((settings) => {
    const layout = measureOf(settings).layout(context, settings);
    const nobody = measureSums(layout, new Float64Array(layoutLength(layout)), 0);
    return conclusionOf(settings)(context, settings, nobody).figures.map(({ name }) =>
      figurePath(slot, settings.kind, name),
    );
  });
}
