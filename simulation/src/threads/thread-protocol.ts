import type { DataPart } from '@sotto/client/session';
import type { UnitBatch } from '@sotto/shared/model';
import type { ContributionJob, MadeContribution } from './contribution-maker.ts';

/** What the simulator's thread asks of another one. What that one was sent last is null. */
export type ThreadRequest =
  | {
      readonly type: 'contribute';
      readonly id: number;
      readonly job: Omit<ContributionJob, 'units' | 'weights'>;
      readonly weights: Float32Array | null;
      readonly units: readonly (readonly [DataPart, UnitBatch | null])[];
    }
  | { readonly type: 'hash'; readonly id: number; readonly bytes: Uint8Array | null }
  | { readonly type: 'end'; readonly life: number };

export type ThreadReply =
  | ({ readonly type: 'contributed'; readonly id: number } & MadeContribution)
  | { readonly type: 'hashed'; readonly id: number; readonly hash: Uint8Array }
  | { readonly type: 'failed'; readonly id: number; readonly reason: string };
