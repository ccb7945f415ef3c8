import type { InputColumn } from '../../model/index.ts';
import type { QueryContext } from '../query.ts';
import type { MeasureProblem } from './measure.ts';

/** What importances are told of: a column, or a part of a picture. */
export type ExplainedFeature = {
  readonly name: string;
  /** Its encoded inputs, rising. */
  readonly inputs: readonly number[];
};

/** A picture is told of by at most so many parts a side: more would each carry the noise of a whole. */
const partsASide = 8;

/**
 * The features of a plan's columns, in order. A number and a category are one each, whatever inputs they have. A picture is one for
 * each pixel where it has at most 8 a side, else one for each cell of a grid of 8 × 8 at most, all channels together; they are named by
 * row and column, `scan[0,7]` being the top right one.
 */
export function explainedFeatures(columns: readonly InputColumn[]): readonly ExplainedFeature[] {
  return columns.flatMap((column) => {
    const { name, from, to, image } = column;
    if (image === null) return [{ name, inputs: Array.from({ length: to - from }, (_, i) => from + i) }];
    const { height, width, channels } = image;
    const [cellHeight, cellWidth] = [Math.ceil(height / partsASide), Math.ceil(width / partsASide)];
    const across = Math.ceil(width / cellWidth);
    const cells = Array.from({ length: Math.ceil(height / cellHeight) * across }, (_, cell) => ({
      name: `${name}[${Math.floor(cell / across)},${cell % across}]`,
      inputs: [] as number[],
    }));
    for (let input = from; input < to; input++) {
      const pixel = Math.floor((input - from) / channels);
      const row = Math.floor(Math.floor(pixel / width) / cellHeight);
      cells[row * across + Math.floor((pixel % width) / cellWidth)]!.inputs.push(input);
    }
    return cells;
  });
}

/** That amounts cannot be asked of a model that reads names: its inputs have neither derivatives nor values between. */
export function tokenProblems({ topology }: QueryContext): readonly MeasureProblem[] {
  if (!topology.layers.some(({ kind }) => kind === 'embedding')) return [];
  return [
    {
      path: '',
      problem: 'the model reads tokens, which have no gradients and nothing between them',
      cure: 'Take the measure out.',
    },
  ];
}
