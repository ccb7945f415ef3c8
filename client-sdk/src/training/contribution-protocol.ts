import type { Plan } from '@sotto/shared/plan';
import type { ContributionTask } from '../session/ports.ts';
import type { EngineChoice } from './create-local-model.ts';
import type { DeviceWish } from './engine.ts';

/** What the thread that speaks asks of the one that works; runs and contributions go by number. */
export type ContributionRequest =
  | {
      readonly type: 'begin';
      readonly run: number;
      readonly plan: Plan;
      readonly client: string;
      readonly device: DeviceWish;
    }
  | {
      readonly type: 'contribute';
      readonly id: number;
      readonly run: number;
      readonly task: ContributionTask;
      readonly weights: Float32Array;
    }
  | { readonly type: 'end'; readonly run: number };

export type ContributionReply =
  | { readonly type: 'engine'; readonly run: number; readonly choice: EngineChoice }
  | { readonly type: 'contributed'; readonly id: number; readonly integers: Int32Array<ArrayBuffer> }
  | { readonly type: 'failed'; readonly id: number; readonly reason: string };
