import { planCard, runCard, type PrivacyCard, type RunFactsForCard } from '@sotto/shared/card';
import { SottoError } from '@sotto/shared/errors';
import { signedPlanSchema, slotsOfRound, unknownNoiseShare, type Plan, type SignedPlan } from '@sotto/shared/plan';
import { fromUtf8 } from '@sotto/shared/vector';
import type { Blobs, RunRecord, Store } from '../store/store.ts';
import { runEventSchema } from './run-events.ts';
import { applyRunEvent } from './run-fold.ts';
import { initialRunState, runFactsOf, withSlots } from './run-state.ts';

/** Privacy cards of runs, from what is durable alone. */
export type RunCards = {
  /** @throws {NOT_FOUND} {STORE_FAILED} {CARD_INCOMPLETE} */
  cardOf(runId: string): Promise<PrivacyCard>;
};

/** The promise is computed once a plan; what was done is read afresh. */
export function createRunCards(store: Store, blobs: Blobs): RunCards {
  const promises = new Map<string, { readonly signedPlan: SignedPlan; readonly card: PrivacyCard }>();
  return {
    async cardOf(runId) {
      const record = await store.run(runId);
      if (record === null) throw new SottoError('NOT_FOUND', `there is no run ${runId}`);
      let known = promises.get(record.planHash);
      if (known === undefined) {
        const signedPlan = await signedPlanOf(blobs, record);
        known = { signedPlan, card: planCard(signedPlan.plan, record.planHash) };
        promises.set(record.planHash, known);
      }
      return runCard(known.card, await factsOf(store, record, known.signedPlan));
    },
  };
}

/** The plan that a run was signed with. @throws {STORE_FAILED} */
export async function planOfRun(blobs: Blobs, record: RunRecord): Promise<Plan> {
  return (await signedPlanOf(blobs, record)).plan;
}

async function signedPlanOf(blobs: Blobs, { runId, signedPlanBlob }: RunRecord): Promise<SignedPlan> {
  const bytes = await blobs.get(signedPlanBlob);
  if (bytes === null) throw new SottoError('STORE_FAILED', `run ${runId}: its plan's blob ${signedPlanBlob} is gone`);
  return signedPlanSchema.parse(JSON.parse(fromUtf8(bytes)));
}

async function factsOf(store: Store, { runId }: RunRecord, signedPlan: SignedPlan): Promise<RunFactsForCard> {
  const { plan } = signedPlan;
  let state = initialRunState(runFactsOf(runId, signedPlan));
  const releases: RunFactsForCard['releases'][number][] = [];
  for (const text of await store.events(runId)) {
    const event = runEventSchema.parse(JSON.parse(text));
    // The sum of each group is a release; what is made of them is none.
    if (event.type === 'groupReleased' || (event.type === 'released' && event.groups === undefined)) {
      const noise = event.type === 'released' ? (event.noise ?? null) : null;
      releases.push({
        slots: slotsOfRound(plan, event.round),
        survivors: event.survivors.length,
        noiseShare: unknownNoiseShare(plan, event.survivors.length, plan.cohort.colluding, noise),
      });
    }
    state = applyRunEvent(state, event);
  }
  const roster = new Set(plan.roster.clients.map(({ client }) => client));
  const members = await store.clients();
  const pool = members.filter(({ client, certificate }) => roster.has(client) && certificate.voucher.role === 'pool');
  const [session] = state.sessions;
  const open = session?.charged && state.countedAttempt !== state.attempt ? session.header.slots : [];
  return {
    runId,
    state: state.ended?.outcome ?? 'open',
    roundsRun: state.trainedRounds,
    roundsPlanned: plan.training.rounds,
    modelHash: state.modelHash,
    charged: withSlots(state.slotsUsed, open),
    releases,
    poolClients: pool.length,
  };
}
