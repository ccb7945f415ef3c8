import { openClientBooks, type ClientLedgerStore } from '@sotto/client/session';
import { createRunCards, replayRun, runEventSchema, transcriptEntrySchema } from '@sotto/coordinator/runs';
import type { Blobs, Store } from '@sotto/coordinator/store';
import {
  groupsNeeded,
  groupsOf,
  isSummedSecretly,
  planHashOf,
  planSlots,
  sessionCount,
  sessionEvent,
  sessionParts,
  coordinatorNoiseVariance,
  federationEvent,
  partLayers,
  signedPlanSchema,
  uncharged,
  type Groups,
  type NoiseLeft,
  type Plan,
} from '@sotto/shared/plan';
import { slotNames, type MechanismEvent, type SlotName } from '@sotto/shared/privacy';
import { sessionIdOf, type SessionHeader } from '@sotto/shared/secure-sum';
import { canonicalJson, fromUtf8, wordsFromLittleEndian } from '@sotto/shared/vector';
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

type Opened = { readonly header: SessionHeader; readonly cohort: readonly string[] };
type Released = { readonly header: SessionHeader; readonly survivors: readonly string[] };

/** A sum of an attempt: of its session, or of that of one group. */
const sumKey = (attempt: number, group?: number): string => `${attempt}/${group ?? ''}`;

/**
 * Holds the books of both ends, the transcript and the releases of a run against one another.
 * @returns what went against the rules; empty when all is well.
 */
export async function checkRun(remains: RunRemains): Promise<string[]> {
  const violations: string[] = [];
  const { sessions, charged, repeated, released, rounds } = await checkEvents(remains, violations);
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
    if (replay.releases !== rounds) {
      violations.push(`replay found ${replay.releases} releases, the events tell of ${rounds}`);
    }
  } catch (error) {
    violations.push(`replay: ${error instanceof Error ? error.message : String(error)}`);
  }
  return violations;
}

/** The run's card can be made: no more was charged than each ε covers, and no release lies below the noise floor. */
async function checkCard(
  { runId, store, blobs }: RunRemains,
  released: ReadonlyMap<string, Released>,
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
async function checkEvents({ runId, plan, store, blobs }: RunRemains, violations: string[]) {
  const groups = await groupsOfRun(runId, store, blobs);
  /** Of each attempt: what it asks for, and everybody who was asked. */
  const sessions = new Map<number, Opened>();
  const opened = new Map<string, Opened>();
  const charged = new Set<number>();
  /** Attempts of rounds that may have been charged before. */
  const repeated = new Set<number>();
  const failedRounds = new Set<number>();
  const released = new Map<string, Released>();
  /** Sums of groups that no release has added up yet. */
  let waiting = new Map<number, readonly string[]>();
  const used = new Set<number>();
  let rounds = 0;
  let lastRound = -1;

  function checkSum(attempt: number, group: number | undefined, round: number, survivors: readonly string[]): void {
    const where = `round ${round}${group === undefined ? '' : `, group ${group}`}`;
    const session = opened.get(sumKey(attempt, group));
    if (session === undefined || session.header.round !== round) {
      violations.push(`attempt ${attempt} released ${where}, for which it was not opened`);
      return;
    }
    used.add(attempt);
    if (!charged.has(attempt)) violations.push(`attempt ${attempt} was released before it was charged`);
    if (round <= lastRound) violations.push(`round ${round} was released after round ${lastRound}`);
    const floor = Math.max(plan.cohort.minSurvivors, isSummedSecretly(plan) ? 3 : 1);
    if (survivors.length < floor) violations.push(`${where}: ${survivors.length} survivors, ${floor} are needed`);
    if (new Set(survivors).size !== survivors.length || survivors.some((id) => !session.cohort.includes(id))) {
      violations.push(`${where}: the survivors ${survivors.join()} are not of the cohort, or one is there twice`);
    }
    if (released.has(sumKey(attempt, group))) violations.push(`${where}: attempt ${attempt} was released twice`);
    released.set(sumKey(attempt, group), { header: session.header, survivors });
  }

  for (const text of await store.events(runId)) {
    const event = runEventSchema.parse(JSON.parse(text));
    if (event.type === 'sessionOpened' || event.type === 'groupsOpened') {
      const of = event.type === 'sessionOpened' ? [event] : event.sessions;
      const header = of[0]!.header;
      const { attempt, round } = header;
      if (attempt !== sessions.size + 1) violations.push(`attempt ${attempt} was opened after ${sessions.size}`);
      // A round that is given up for the final evaluation leaves its groups' sums behind.
      if (sessions.get(attempt - 1)?.header.round !== round) waiting = new Map();
      sessions.set(attempt, { header, cohort: of.flatMap(({ cohort }) => cohort) });
      for (const session of of) {
        const { group } = session.header;
        const key = sumKey(attempt, group);
        if (opened.has(key) || session.header.attempt !== attempt || session.header.round !== round) {
          violations.push(`attempt ${attempt}: the session of group ${group} is not one of it`);
        }
        if (waiting.has(group ?? -1)) violations.push(`round ${round}: group ${group} was opened after its release`);
        const stranger = session.cohort.find((client) => !groups[group ?? 0]?.includes(client));
        if (stranger !== undefined) violations.push(`attempt ${attempt}: ${stranger} is not in group ${group}`);
        opened.set(key, session);
      }
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
      used.add(event.attempt);
      if (!event.mayBeCharged) violations.push(`attempt ${event.attempt} was charged and does not count as used`);
    }
    if (event.type === 'groupReleased') {
      checkSum(event.attempt, event.group, event.round, event.survivors);
      if (waiting.has(event.group)) violations.push(`round ${event.round}: group ${event.group} was released twice`);
      waiting.set(event.group, event.survivors);
    }
    if (event.type !== 'groupReleased' && event.type !== 'released') continue;
    // Whatever else a simulated client lies about, its integers are honest.
    if (event.alarm != null) violations.push(`round ${event.round}: an alarm without a cause: ${event.alarm}`);
    if (event.type !== 'released') continue;
    if (event.groups === undefined) checkSum(event.attempt, undefined, event.round, event.survivors);
    else {
      const added = [...waiting.keys()].sort((a, b) => a - b);
      if (event.groups.join() !== added.join()) {
        violations.push(`round ${event.round} adds up groups ${event.groups.join()}, released were ${added.join()}`);
      }
      if (added.length < groupsNeeded(plan))
        violations.push(`round ${event.round}: ${added.length} groups are too few`);
      if (event.survivors.join() !== [...waiting.values()].flat().sort().join()) {
        violations.push(`round ${event.round}: its survivors are not those of its groups`);
      }
      waiting = new Map();
    }
    rounds += 1;
    lastRound = event.round;
  }
  const most = sessionCount(plan) + plan.spareAttempts;
  if (used.size > most) violations.push(`${used.size} sessions were charged, the plan has ${most}`);
  return { sessions, charged, repeated, released, rounds };
}

/** The groups that the signed plan draws, recomputed as anybody can. */
async function groupsOfRun(runId: string, store: Store, blobs: Blobs): Promise<Groups> {
  const record = await store.run(runId);
  const bytes = record === null ? null : await blobs.get(record.signedPlanBlob);
  return bytes === null ? [] : groupsOf(signedPlanSchema.parse(JSON.parse(fromUtf8(bytes))));
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
  released: ReadonlyMap<string, Released>,
  violations: string[],
): Promise<void> {
  const records = new Map((await store.releases(runId)).map((record) => [record.attempt, record]));
  const told = new Set<string>();
  for (const { entry } of await store.transcript(runId)) {
    const parsed = transcriptEntrySchema.parse(JSON.parse(entry));
    if (parsed.type === 'run') continue;
    const { attempt, round, survivors, sumHash } = parsed;
    const where = `round ${round}, attempt ${attempt}`;
    if (parsed.type === 'release' && records.get(attempt)?.sumBlob !== sumHash) {
      violations.push(`${where}: the transcript has a release that the store has not`);
      continue;
    }
    // What the sums of groups add up to is recomputed by the replay.
    if (parsed.type === 'release' && parsed.groups !== undefined) continue;
    const key = sumKey(attempt, parsed.type === 'group' ? parsed.group : undefined);
    told.add(key);
    const event = released.get(key);
    if (event === undefined || event.header.round !== round || event.survivors.join() !== survivors.join()) {
      violations.push(`${where}: the transcript tells of a release that the events have not`);
      continue;
    }
    const bytes = await blobs.get(sumHash);
    if (bytes === null) {
      violations.push(`${where}: the blob of its sum is gone`);
      continue;
    }
    const sum = new Int32Array(wordsFromLittleEndian(bytes).buffer);
    const { header } = event;
    const noise = parsed.type === 'release' ? (parsed.noise ?? null) : null;
    const removed = removedNoise(plan, header, survivors, noise, violations);
    await sums?.released(sessionIdOf(header), header, survivors, sum, coordinatorNoise(plan, header), removed);
  }
  for (const key of released.keys()) {
    if (!told.has(key)) violations.push(`the sum ${key} was released and is not in the transcript`);
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
  return slotNames.some((name) => name === slot);
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
  released: ReadonlyMap<string, Released>,
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
    for (const { header, survivors } of plan.privacy.kind === 'none' ? [] : released.values()) {
      if (!survivors.includes(client)) continue;
      const { attempt } = header;
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
