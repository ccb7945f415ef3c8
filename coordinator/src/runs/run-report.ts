import { SottoError } from '@sotto/shared/errors';
import { queryContext, remainingNoiseVariance, sessionParts, type Plan } from '@sotto/shared/plan';
import { concludeEvaluation, splitParts } from '@sotto/shared/queries';
import { reportDocument, type ReportDocument, type ReportEvaluation } from '@sotto/shared/report';
import { wordsFromLittleEndian } from '@sotto/shared/vector';
import type { Blobs, RunRecord, Store } from '../store/store.ts';
import { createRunCards, planOfRun } from './run-cards.ts';
import { measuresOfRun } from './run-reports.ts';
import { transcriptEntrySchema } from './transcript.ts';

/**
 * The report of a run that has ended, from what is durable alone: concluded anew from the recorded sums.
 *
 * @param earlier - a report to compare with; null: none
 * @throws {NOT_FOUND} there is no such run, or its plan asks for no report
 * @throws {CONFLICT} the run has not ended, or ended before anything was reported
 * @throws {STORE_FAILED} the plan or a sum is gone
 */
export async function reportOfRun(
  store: Store,
  blobs: Blobs,
  runId: string,
  earlier: ReportDocument | null = null,
): Promise<ReportDocument> {
  const record = await store.run(runId);
  if (record === null) throw new SottoError('NOT_FOUND', `there is no run ${runId}`);
  const plan = await planOfRun(blobs, record);
  if (plan.report === undefined && plan.survey === undefined) {
    throw new SottoError(
      'NOT_FOUND',
      `run ${runId}: its plan asks for no report (plan.report); one cannot be added to a plan that is signed`,
    );
  }
  const card = await createRunCards(store, blobs).cardOf(runId);
  const state = card.run?.state ?? 'open';
  if (state !== 'finished' && state !== 'stopped') {
    throw new SottoError('CONFLICT', `run ${runId} is ${state}: there is a report when it has ended with a model`);
  }
  const releases = await measuresOfRun(store, blobs, record);
  if (releases.length === 0) {
    const asked = plan.report === undefined ? 'survey' : 'report';
    throw new SottoError(
      'CONFLICT',
      `run ${runId} ended after ${card.run?.roundsRun ?? 0} of ${plan.training.rounds} rounds, before its ${asked} was released`,
    );
  }
  return reportDocument({
    plan,
    card,
    releases,
    evaluations: await evaluationsOfRun(store, blobs, record, plan),
    earlier,
  });
}

/** What each evaluation of a run says, in the order of its rounds. */
async function evaluationsOfRun(
  store: Store,
  blobs: Blobs,
  { runId }: RunRecord,
  plan: Plan,
): Promise<readonly ReportEvaluation[]> {
  const context = queryContext(plan);
  const found: ReportEvaluation[] = [];
  for (const { entry } of await store.transcript(runId)) {
    const told = transcriptEntrySchema.parse(JSON.parse(entry));
    if (told.type !== 'release' || !told.slots.some(isEvaluation)) continue;
    const bytes = await blobs.get(told.sumHash);
    if (bytes === null) {
      throw new SottoError(
        'STORE_FAILED',
        `run ${runId}: the sum of round ${told.round} is gone, blob ${told.sumHash}`,
      );
    }
    const words = wordsFromLittleEndian(bytes);
    const sum = new Int32Array(words.buffer, words.byteOffset, words.length);
    for (const { part, integers } of splitParts(sessionParts(plan, told.slots), sum)) {
      if (!isEvaluation(part.slot)) continue;
      const variance = remainingNoiseVariance(plan, part, told.survivors.length, told.noise ?? null);
      found.push({
        round: told.round,
        slot: part.slot,
        release: concludeEvaluation(part, integers, context, variance),
      });
    }
  }
  return found;
}

function isEvaluation(slot: string): slot is ReportEvaluation['slot'] {
  return slot === 'evaluation' || slot === 'fit';
}
