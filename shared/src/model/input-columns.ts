import { log } from './elementary.ts';

/** Where a column of the data stands among the model's inputs. */
export type FeatureSpan = {
  readonly name: string;
  /** One input for a number, one a value for a category, one a channel of a pixel. */
  readonly from: number;
  /** The first input behind it. */
  readonly to: number;
};

/** What a number's value becomes: x' = (transform(x) - centre) / scale. */
export type InputScaling = {
  readonly transform: 'identity' | 'log1p';
  readonly centre: number;
  readonly scale: number;
};

/** A column as the model is given it: public constants of the data schema, in encoded inputs. */
export type InputColumn = FeatureSpan & {
  readonly kind: 'number' | 'category' | 'pixels';
  /** Texts of a category in the order of its inputs; null elsewhere. */
  readonly values: readonly string[] | null;
  /** What no input of the column leaves. */
  readonly low: number;
  readonly high: number;
  /**
   * Each of its inputs where nothing is known: a number at its fill value or else at its centre, a category at none of its values, a
   * channel of a pixel at its centre.
   */
  readonly missing: number;
  /** What a missing value becomes on the way in; null: a row without the value is left out. */
  readonly fill: number | null;
  /** Of a number; null elsewhere. */
  readonly scaling: InputScaling | null;
  /** Of a picture, [height, width, channels]; null elsewhere. */
  readonly image: ImageShape | null;
};

/** An image as a row: row-major [height, width, channels]. */
export type ImageShape = { readonly height: number; readonly width: number; readonly channels: number };

/** What a raw number becomes as an input, float32. */
export function encodedNumber({ transform, centre, scale }: InputScaling, raw: number): number {
  return Math.fround(((transform === 'log1p' ? log(1 + raw) : raw) - centre) / scale);
}

/** The row at which nothing is known, encoded [inputs]: made of public constants alone. */
export function missingInputs(columns: readonly InputColumn[]): Float64Array {
  const inputs = new Float64Array(columns.at(-1)?.to ?? 0);
  for (const { from, to, missing } of columns) inputs.fill(missing, from, to);
  return inputs;
}
