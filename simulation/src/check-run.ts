import { openClientBooks, type ClientLedgerStore } from '@sotto/client/session';
import { createRunCards, replayRun, runEventSchema, transcriptEntrySchema } from '@sotto/coordinator/runs';
import type { Blobs, Store } from '@sotto/coordinator/store';
import {
  planHashOf,
  planSlots,
  sessionCount,
  sessionEvent,
  sessionParts,
  coordinatorNoiseVariance,
  federationEvent,
  partLayers,
  uncharged,
  type NoiseLeft,
  type Plan,
  type SlotName,
} from '@sotto/shared/plan';
import type { MechanismEvent } from '@sotto/shared/privacy';
import { sessionIdOf, type SessionHeader } from '@sotto/shared/secure-sum';
import { canonicalJson, wordsFromLittleEndian } from '@sotto/shared/vector';
import type { RecordedSums, RemovedNoise } from './recorded-sums.ts';
import type { Witness } from './witness.ts';

/** Everything that is left of a run, on disks and in the witness's notes. */
export type RunRemains = {
  readonly runId: string;
  readonly plan: Plan;
  readonly store: Store;
  readonly blobs: Blobs;
  readonly ledgers: ReadonlyMap<string, ClientLedgerStore>;
  readonly budget: { readonly epsilon: number; readonly delta: number };
  readonly witness: Witness;
  /** Null where the clients' integers were not kept. */
  readonly sums: RecordedSums | null;
};

type Released = { readonly header: SessionHeader; readonly survivors: readonly string[] };

/**
 * Holds the books of both ends, the transcript and the releases of a run against one another.
 * @returns what went against the rules; empty when all is well.
 */
export async function checkRun(remains: RunRemains): Promise<string[]> {
  const violations: string[] = [];
  const { sessions, charged, repeated, released } = await checkEvents(remains, violations);
  await checkCharges(remains, sessions, charged, repeated, violations);
  await checkReleases(remains, released, violations);
  await checkClientBooks(remains, sessions, released, violations);
  for (const { client, attempt, acknowledged } of remains.witness.uploads) {
    if (acknowledged && !charged.has(attempt)) {
      violations.push(`attempt ${attempt}: the upload of ${client} was taken on and never charged`);
    }
  }
  await checkCard(remains, released, violations);
  try {
    const replay = await replayRun(remains.store, remains.blobs, remains.runId);
    if (replay.releases !== released.size) {
      violations.push(`replay found ${replay.releases} releases, the events tell of ${released.size}`);
    }
  } catch (error) {
    violations.push(`replay: ${error instanceof Error ? error.message : String(error)}`);
  }
  return violations;
}

/** The run's card can be made: no more was charged than each ε covers, and no release lies below the noise floor. */
async function checkCard(
  { runId, store, blobs }: RunRemains,
  released: ReadonlyMap<number, Released>,
  violations: string[],
): Promise<void> {
  try {
    const { mechanisms } = await createRunCards(store, blobs).cardOf(runId);
    const charges = await store.charges(runId);
    for (const mechanism of mechanisms) {
      const booked = charges.filter(({ slot }) => slot === mechanism.slot).length;
      if ((mechanism.charged ?? 0) < booked) {
        violations.push(`card: ${mechanism.charged} sessions with ${mechanism.slot}, the books have ${booked}`);
      }
      const opened = [...released.values()].filter(({ header }) => header.slots.includes(mechanism.slot)).length;
      if (mechanism.released !== opened) {
        violations.push(`card: ${mechanism.released} releases with ${mechanism.slot}, the events have ${opened}`);
      }
    }
  } catch (error) {
    violations.push(`card: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The events in order: opened, then charged, then released, each once, by no fewer than the plan's survivors. */
async function checkEvents({ runId, plan, store }: RunRemains, violations: string[]) {
  const sessions = new Map<number, { readonly header: SessionHeader; readonly cohort: readonly string[] }>();
  const charged = new Set<number>();
  /** Attempts of rounds that may have been charged before. */
  const repeated = new Set<number>();
  const failedRounds = new Set<number>();
  const released = new Map<number, Released>();
  let lastRound = 0;
  let used = 0;
  for (const text of await store.events(runId)) {
    const event = runEventSchema.parse(JSON.parse(text));
    if (event.type === 'sessionOpened') {
      const { attempt } = event.header;
      if (attempt !== sessions.size + 1) violations.push(`attempt ${attempt} was opened after ${sessions.size}`);
      sessions.set(attempt, event);
    }
    if (event.type === 'sessionCharged') {
      if (charged.has(event.attempt)) violations.push(`attempt ${event.attempt} was charged twice`);
      charged.add(event.attempt);
      if (failedRounds.has(sessions.get(event.attempt)?.header.round ?? 0)) repeated.add(event.attempt);
    }
    if (event.type === 'sessionFailed' && event.mayBeCharged) {
      failedRounds.add(sessions.get(event.attempt)?.header.round ?? 0);
    }
    if (event.type === 'sessionFailed' && charged.has(event.attempt)) {
      used += 1;
      if (!event.mayBeCharged) violations.push(`attempt ${event.attempt} was charged and does not count as used`);
    }
    if (event.type !== 'released') continue;
    const { attempt, round, survivors } = event;
    const session = sessions.get(attempt);
    if (session === undefined || session.header.round !== round) {
      violations.push(`attempt ${attempt} released round ${round}, for which it was not opened`);
      continue;
    }
    used += 1;
    if (!charged.has(attempt)) violations.push(`attempt ${attempt} was released before it was charged`);
    if (round <= lastRound) violations.push(`round ${round} was released after round ${lastRound}`);
    lastRound = round;
    const floor = Math.max(plan.cohort.minSurvivors, plan.trust === 'secure' ? 3 : 1);
    if (survivors.length < floor) violations.push(`round ${round}: ${survivors.length} survivors, ${floor} are needed`);
    if (new Set(survivors).size !== survivors.length || survivors.some((id) => !session.cohort.includes(id))) {
      violations.push(`round ${round}: the survivors ${survivors.join()} are not of the cohort, or one is there twice`);
    }
    // Whatever else a simulated client lies about, its integers are honest.
    if (event.alarm != null) violations.push(`round ${round}: an alarm without a cause: ${event.alarm}`);
    released.set(attempt, { header: session.header, survivors });
  }
  const most = sessionCount(plan) + plan.spareAttempts;
  if (used > most) violations.push(`${used} sessions were charged, the plan has ${most}`);
  return { sessions, charged, repeated, released };
}

/** The coordinator's books: every slot of every charged attempt once, at the plan's floor, and nothing else. */
async function checkCharges(
  { runId, plan, store }: RunRemains,
  sessions: ReadonlyMap<number, { readonly header: SessionHeader }>,
  charged: ReadonlySet<number>,
  repeated: ReadonlySet<number>,
  violations: string[],
): Promise<void> {
  const booked = new Map<string, number>();
  for (const { planHash, round, slot, attempt, event } of await store.charges(runId)) {
    const key = `${attempt}/${round}/${slot}`;
    booked.set(key, (booked.get(key) ?? 0) + 1);
    if (planHash !== planHashOf(plan)) violations.push(`charge ${key} is of another plan`);
    if (canonicalJson(event) !== canonicalJson(federationEventOf(plan, slot, round, repeated.has(attempt)))) {
      violations.push(`charge ${key} is not at the plan's floor`);
    }
  }
  const due = [...charged].flatMap((attempt) => {
    const header = sessions.get(attempt)?.header;
    return header === undefined ? [] : header.slots.map((slot) => `${attempt}/${header.round}/${slot}`);
  });
  for (const key of due)
    if (booked.get(key) !== 1) violations.push(`charge ${key} stands ${booked.get(key) ?? 0} times`);
  for (const key of booked.keys()) if (!due.includes(key)) violations.push(`charge ${key} belongs to no attempt`);
}

/** Every release is the sum of exactly its declared survivors' integers, and the transcript tells of it. */
async function checkReleases(
  { runId, plan, store, blobs, sums }: RunRemains,
  released: ReadonlyMap<number, Released>,
  violations: string[],
): Promise<void> {
  const records = new Map((await store.releases(runId)).map((record) => [record.attempt, record]));
  const told = new Set<number>();
  for (const { entry } of await store.transcript(runId)) {
    const parsed = transcriptEntrySchema.parse(JSON.parse(entry));
    if (parsed.type !== 'release') continue;
    const { attempt, round, survivors, noise } = parsed;
    told.add(attempt);
    const event = released.get(attempt);
    if (event === undefined || event.header.round !== round || event.survivors.join() !== survivors.join()) {
      violations.push(`round ${round}, attempt ${attempt}: the transcript tells of a release that the events have not`);
      continue;
    }
    const record = records.get(attempt);
    const bytes = record === undefined ? null : await blobs.get(record.sumBlob);
    if (bytes === null) {
      violations.push(`round ${round}, attempt ${attempt}: the transcript has a release that the store has not`);
      continue;
    }
    const sum = new Int32Array(wordsFromLittleEndian(bytes).buffer);
    const { header } = event;
    const removed = removedNoise(plan, header, survivors, noise ?? null, violations);
    await sums?.released(sessionIdOf(header), header, survivors, sum, coordinatorNoise(plan, header), removed);
  }
  for (const attempt of released.keys()) {
    if (!told.has(attempt)) violations.push(`attempt ${attempt} was released and is not in the transcript`);
  }
}

/** What a client's charge must say: at the plan's floor what the round costs it. */
function eventOf(plan: Plan, slot: string, round: number, client: string): MechanismEvent | null {
  return isSlot(slot) ? sessionEvent(plan, slot, round, client) : null;
}

function federationEventOf(plan: Plan, slot: string, round: number, repeated: boolean): MechanismEvent | null {
  return isSlot(slot) ? federationEvent(plan, slot, round, repeated) : null;
}

function isSlot(slot: string): slot is SlotName {
  return slot === 'training' || slot === 'evaluation';
}

/** Standard deviation of the coordinator's own noise in each coordinate, in steps; all 0 outside `trusted` mode. */
function coordinatorNoise(plan: Plan, header: SessionHeader): Float64Array {
  const deviations = new Float64Array(header.dimension);
  let offset = 0;
  for (const part of sessionParts(plan, header.slots)) {
    deviations.fill(Math.sqrt(coordinatorNoiseVariance(plan, part)), offset, offset + part.dimension);
    offset += part.dimension;
  }
  return deviations;
}

/** What a release says was taken out of its noise: all layers but the fewest that leave the honest survivors what ε needs. */
function removedNoise(
  plan: Plan,
  header: SessionHeader,
  survivors: readonly string[],
  left: NoiseLeft | null,
  violations: string[],
): RemovedNoise | null {
  if (left === null) return null;
  const { minSurvivors, colluding } = plan.cohort;
  const stranger = left.whole.find((client) => !survivors.includes(client));
  if (stranger !== undefined) violations.push(`round ${header.round}: ${stranger} kept its noise and did not survive`);
  const parts = sessionParts(plan, header.slots);
  const variances = parts.map((part) => partLayers(plan, part, left.clients));
  const kept = parts.map((part, index) => {
    let sum = 0;
    const last = variances[index]!.findIndex((variance) => {
      sum += variance;
      return (survivors.length - colluding) * sum >= (minSurvivors - colluding) * part.noiseVarianceSteps;
    });
    return last + 1;
  });
  if (new Set(kept).size > 1) violations.push(`round ${header.round}: parts need ${kept.join()} layers`);
  return { parts, variances, layers: variances[0]!.length - kept[0]!, whole: left.whole };
}

/** Each client's books: no session twice or beyond the plan, every survived release in them, and the ε that was shown. */
async function checkClientBooks(
  { plan, ledgers, budget, witness }: RunRemains,
  sessions: ReadonlyMap<number, { readonly header: SessionHeader }>,
  released: ReadonlyMap<number, Released>,
  violations: string[],
): Promise<void> {
  const slots = planSlots(plan);
  for (const [client, ledger] of ledgers) {
    const { charges, marks } = await ledger.load();
    const keys = charges.map(({ round, slot, attempt }): string => `${attempt}/${round}/${slot}`);
    const mark = marks.get(planHashOf(plan)) ?? 0;
    if (new Set(keys).size !== keys.length) violations.push(`client ${client}: a charge stands twice in its books`);
    for (const { round, slot, attempt, event } of charges) {
      const where = `client ${client}: its charge for attempt ${attempt}, ${slot},`;
      if (sessions.get(attempt)?.header.round !== round) violations.push(`${where} is of no session of the run`);
      if (canonicalJson(event) !== canonicalJson(eventOf(plan, slot, round, client))) {
        violations.push(`${where} is not at the floor`);
      }
      if (attempt > mark) violations.push(`${where} is above its mark ${mark}`);
    }
    for (const slot of slots) {
      const events = charges.filter((charge) => charge.slot === slot.slot).map(({ event }) => event);
      if (uncharged(slot, events) === null && plan.privacy.kind === 'dp') {
        violations.push(`client ${client}: ${events.length} charges for ${slot.slot}, more than the plan has`);
      }
    }
    for (const [attempt, { header, survivors }] of plan.privacy.kind === 'none' ? [] : released) {
      if (!survivors.includes(client)) continue;
      for (const slot of header.slots) {
        if (sessionEvent(plan, slot, header.round, client) === null) continue;
        if (!keys.includes(`${attempt}/${header.round}/${slot}`)) {
          violations.push(`client ${client}: it is in the release of attempt ${attempt}, and not charged for ${slot}`);
        }
      }
    }
    const epsilon = (await openClientBooks(ledger, budget)).epsilon();
    if (epsilon < witness.epsilonOf(client)) {
      violations.push(
        `client ${client}: its books say epsilon ${epsilon}, they said ${witness.epsilonOf(client)} before`,
      );
    }
  }
}
