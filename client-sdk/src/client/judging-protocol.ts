import type { Loss, Topology } from '@sotto/shared/model';
import type { DataSchema } from '@sotto/shared/plan';
import type { RowRecord } from '../judging/encode-records.ts';
import type { ExplainOptions, Explanation } from '../judging/explain-row.ts';
import type { Prediction } from '../judging/predict.ts';
import type { SmoothOptions } from '../judging/smoothed-prediction.ts';
import type { SentError } from './sent-error.ts';

export type PredictOptions = {
  /** Of a calibration (`fitTemperature`); 1 without. */
  readonly temperature?: number;
  /** Smooths the prediction with fresh noise, and says where it abstains. */
  readonly smooth?: SmoothOptions;
};

/** As `ExplainOptions`, with the row to explain against by column name. */
export type ExplainRowOptions = Omit<ExplainOptions, 'baseline'> & { readonly baseline?: RowRecord };

/** What of a model judging needs. */
export type SentModel = {
  readonly schema: DataSchema;
  readonly topology: Topology;
  readonly loss: Loss;
  readonly weights: Float32Array;
};

/** What is asked of the thread that judges: one request, one answer, each by its name. */
export type JudgingCalls = {
  predict: {
    readonly ask: { readonly model: SentModel; readonly rows: readonly RowRecord[]; readonly options: PredictOptions };
    readonly answer: readonly Prediction[];
  };
  explain: {
    readonly ask: { readonly model: SentModel; readonly row: RowRecord; readonly options: ExplainRowOptions };
    readonly answer: Explanation;
  };
};

export type JudgingRequest = {
  readonly [Name in keyof JudgingCalls]: {
    readonly id: number;
    readonly name: Name;
    readonly ask: JudgingCalls[Name]['ask'];
  };
}[keyof JudgingCalls];

export type JudgingReply =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly error: SentError };
