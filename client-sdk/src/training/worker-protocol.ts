import type { LocalTraining, UnitBatch } from '@sotto/shared/model';

type Call =
  | { readonly method: 'setWeights'; readonly weights: Float32Array }
  | { readonly method: 'traces'; readonly batch: UnitBatch; readonly dropoutSeed: Uint8Array }
  | { readonly method: 'predict'; readonly inputs: Float32Array; readonly rows: number }
  | {
      readonly method: 'train';
      readonly batch: UnitBatch;
      readonly settings: LocalTraining;
      readonly shuffleSeed: Uint8Array;
    };

/** A call of the local model, by number. */
export type ModelCall = Call & { readonly id: number };
export type ModelRequest = Call;

/** The answer to the call of that number; number 0 is the worker's first word: which engine it chose. */
export type ModelReply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly reason: string };
