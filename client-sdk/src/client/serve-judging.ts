import { toHex } from '@sotto/shared/vector';
import { encodeRecords } from '../judging/encode-records.ts';
import { explainRow, type Explanation } from '../judging/explain-row.ts';
import { createJudgedModel } from '../judging/judged-model.ts';
import { predictRows, predictRowsSmoothed, type Prediction } from '../judging/predict.ts';
import type { JudgingCalls, JudgingReply, JudgingRequest } from './judging-protocol.ts';
import { sentError } from './sent-error.ts';

/** The thread's side of judging, on every platform: it keeps nothing between requests. */
export function serveJudging(reply: (reply: JudgingReply) => void): (request: JudgingRequest) => void {
  return (request) => {
    const { id } = request;
    const answer: Promise<unknown> = request.name === 'predict' ? predict(request.ask) : explain(request.ask);
    answer.then(
      (value) => reply({ id, value }),
      (error: unknown) => reply({ id, error: sentError(error) }),
    );
  };
}

async function predict({ model, rows, options }: JudgingCalls['predict']['ask']): Promise<readonly Prediction[]> {
  const judged = await createJudgedModel(model, model.weights);
  const inputs = encodeRecords(judged.schema, rows);
  const { temperature = 1, smooth } = options;
  if (smooth === undefined) return predictRows(judged, inputs, temperature);
  return predictRowsSmoothed(judged, inputs, temperature, smooth, toHex(crypto.getRandomValues(new Uint8Array(16))));
}

async function explain({ model, row, options }: JudgingCalls['explain']['ask']): Promise<Explanation> {
  const judged = await createJudgedModel(model, model.weights);
  const { baseline, ...others } = options;
  return explainRow(judged, encodeRecords(judged.schema, [row]), {
    ...others,
    ...(baseline === undefined ? {} : { baseline: encodeRecords(judged.schema, [baseline]) }),
  });
}
