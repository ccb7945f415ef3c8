// The types of the client, the same on every platform.
export type {
  Client,
  ClientMember,
  ClientModel,
  JoinOptions,
  OpenOptions,
  RunningClient,
  StartOptions,
} from './client.ts';
export type { ClientData, RowValues, SentData } from './data.ts';
export type { ConsentRequest, ConsentWords } from './consent.ts';
export type { Notice } from './notices.ts';
export type { NodeResult } from '../node-config.ts';
export type { ExplainRowOptions, PredictOptions } from './judging-protocol.ts';
export type { RowRecord } from '../judging/encode-records.ts';
export type { Explanation } from '../judging/explain-row.ts';
export type { Prediction } from '../judging/predict.ts';
export type { SmoothedAnswer, SmoothOptions } from '../judging/smoothed-prediction.ts';
