import { SottoError } from '@sotto/shared/errors';
import { queryContext, remainingNoiseVariance, sessionParts, type Plan } from '@sotto/shared/plan';
import {
  concludeMeasures,
  isMeasuresSlot,
  splitParts,
  type MeasureFigures,
  type MeasuresSlot,
} from '@sotto/shared/queries';
import { wordsFromLittleEndian } from '@sotto/shared/vector';
import type { Blobs, RunRecord, Store } from '../store/store.ts';
import { planOfRun } from './run-cards.ts';
import { transcriptEntrySchema } from './transcript.ts';

/** What one release of measures says. */
export type ConcludedMeasures = {
  readonly round: number;
  readonly slot: MeasuresSlot;
  /** SHA-256 of the noisy sum's bytes: the release that the figures come from. */
  readonly sumHash: string;
  /** Hash of the model that was judged. */
  readonly modelHash: string;
  readonly survivors: number;
  readonly measures: readonly MeasureFigures[];
};

/**
 * Everything that a run's releases say about data and model, in order: concluded anew from the recorded sums, so it says what they say
 * and nothing else.
 * @throws {STORE_FAILED} when the plan or a sum is gone
 */
export async function measuresOfRun(
  store: Store,
  blobs: Blobs,
  record: RunRecord,
): Promise<readonly ConcludedMeasures[]> {
  const plan = await planOfRun(blobs, record);
  const found: ConcludedMeasures[] = [];
  for (const { entry } of await store.transcript(record.runId)) {
    const told = transcriptEntrySchema.parse(JSON.parse(entry));
    if (told.type !== 'release' || !told.slots.some(isMeasuresSlot)) continue;
    const bytes = await blobs.get(told.sumHash);
    if (bytes === null) {
      throw new SottoError(
        'STORE_FAILED',
        `run ${record.runId}: the sum of round ${told.round} is gone, blob ${told.sumHash}`,
      );
    }
    const words = wordsFromLittleEndian(bytes);
    const sum = new Int32Array(words.buffer, words.byteOffset, words.length);
    for (const { slot, measures } of measuresOfSum(plan, told.slots, sum, told.survivors.length, told.noise ?? null)) {
      const { round, sumHash, modelBefore, survivors } = told;
      found.push({ round, slot, sumHash, modelHash: modelBefore, survivors: survivors.length, measures });
    }
  }
  return found;
}

/** What the measures in a session's noisy sum say, by slot. */
function measuresOfSum(
  plan: Plan,
  slots: Parameters<typeof sessionParts>[1],
  sum: Int32Array,
  survivors: number,
  noise: Parameters<typeof remainingNoiseVariance>[3],
): readonly { readonly slot: MeasuresSlot; readonly measures: readonly MeasureFigures[] }[] {
  const context = queryContext(plan);
  return splitParts(sessionParts(plan, slots), sum).flatMap(({ part, integers }) => {
    const { slot } = part;
    if (!isMeasuresSlot(slot)) return [];
    const variance = remainingNoiseVariance(plan, part, survivors, noise);
    return [{ slot, measures: concludeMeasures(part, integers, context, variance) }];
  });
}
