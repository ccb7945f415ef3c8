import { SottoError } from '../errors/index.ts';
import {
  accountedEpsilon,
  bandedSchedule,
  eventsOf,
  planEpsilons,
  planSlots,
  reckonedUnits,
  sessionParts,
  thresholdsOf,
  type Plan,
  type PlanEpsilon,
} from '../plan/index.ts';
import { accountsOf, epsilonOfCurve, rdpCurve, type AccountName } from '../privacy/index.ts';
import { accountantWords, adjacencyWords, unitWords } from './guarantee-words.ts';
import { privacyCardSchema, type CardAudit, type Guarantee, type PrivacyCard } from './card-schema.ts';
import { assumptions, collusionWords, outside } from './limits-words.ts';
import { keyWords, noiseWords, poolWords, randomnessWords, releasedWords, trustWords } from './trust-words.ts';
import { whoColludes } from './who-colludes.ts';

/** Orders at which a card states RDP: enough for any δ and ε that are used. */
const curveOrders = [
  1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 128,
  192, 256, 512,
];

/** No sampling: the numerator over 2^32 at which every unit is read. */
const everyUnit = 2 ** 32;

const addedBy = { secure: 'clients', grouped: 'clients', local: 'eachClientAlone', trusted: 'coordinator' } as const;

/**
 * The privacy card of a plan before anything has run: everything that its promise consists of, and on what it rests.
 *
 * @param plan - a sound plan (`requireSoundPlan`): the card states what the plan states
 * @throws {CARD_INCOMPLETE} naming the field that has no true value; such a plan must not run
 */
export function planCard(plan: Plan, planHash: string, audit: CardAudit | null = null): PrivacyCard {
  const { cohort, privacy, trust, unit } = plan;
  const held = plan.disclosure?.keys ?? 'unstated';
  const hyperparameters = plan.disclosure?.hyperparameters ?? 'unstated';
  const idColumn = unit === 'record' ? plan.schema.unitId : null;
  return requireComplete({
    kind: 'sotto-privacy-card',
    version: 1,
    plan: { name: plan.name, purpose: plan.purpose, hash: planHash, authority: plan.authority },
    run: null,
    privacy: privacy.kind,
    unit: { kind: unit, idColumn, contributionCap: 1, meaning: unitWords(unit, idColumn) },
    adjacency: { kind: plan.adjacency, meaning: adjacencyWords[plan.adjacency] },
    guarantees: planEpsilons(plan).map((group) => guaranteeOf(plan, group)),
    mechanisms: mechanismsOf(plan),
    collusion: {
      assumed: cohort.colluding,
      most: thresholdsOf(plan)?.colludingMax ?? null,
      left: whoColludes(plan),
      meaning: collusionWords(plan),
    },
    trust: { mode: trust, ...trustWords[trust] },
    keys: { held, meaning: keyWords[held], poolClients: null, pool: poolWords(null) },
    noise: {
      addedBy: privacy.kind === 'none' ? 'nobody' : addedBy[trust],
      clients: plan.roster.clients.length,
      minSurvivors: cohort.minSurvivors,
      fewestSurvivors: null,
      shareReceived: null,
      meaning: noiseWords(plan),
    },
    randomness: randomnessWords(plan),
    released: { what: 'everySumAndModel', meaning: releasedWords },
    outside: outside(plan),
    hyperparameters,
    note: plan.disclosure?.note ?? null,
    audit,
    assumptions: assumptions(plan),
  });
}

/** @throws {CARD_INCOMPLETE} naming the first field that is missing or not a number, and what it is */
export function requireComplete(card: unknown): PrivacyCard {
  const parsed = privacyCardSchema.safeParse(card, { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  throw new SottoError(
    'CARD_INCOMPLETE',
    `card${path}: ${issue?.message ?? 'malformed'}${issue?.input === undefined ? ', there is nothing' : ''}`,
  );
}

function guaranteeOf(plan: Plan, group: PlanEpsilon): Guarantee {
  if (plan.privacy.kind === 'none') throw new SottoError('INTERNAL', 'card: a guarantee without differential privacy');
  const { delta } = plan.privacy;
  const events = eventsOf(group.slots);
  const { epsilon: accounted, accountant } = accountedEpsilon(group.slots, delta);
  if (group.stated === null || !(group.stated >= accounted * (1 - 1e-9))) {
    throw new SottoError(
      'CARD_INCOMPLETE',
      `card.guarantees.${group.field}: the plan states ${group.stated ?? 'nothing'}, its releases come to ${accounted}`,
    );
  }
  const account = accountOf(group);
  const curve = rdpCurve(events, account, curveOrders).filter(({ rdp }) => Number.isFinite(rdp));
  const units = reckonedUnits(plan, account === 'client' ? 'train' : account);
  return {
    field: group.field,
    account,
    slots: group.slots.map(({ slot }) => slot),
    epsilon: group.stated,
    delta,
    accounted,
    accountant,
    ...accountantWords[accountant],
    rdpEpsilon: epsilonOfCurve(curve, delta),
    rdp: curve,
    units,
    deltaWarning: deltaWarning(delta, units),
    participationsMost: events.reduce((sum, { count }) => sum + count, 0),
    participationsDone: null,
  };
}

/** The one account of a group: at unit = record its slots read one part, at unit = client there is one account. */
function accountOf(group: PlanEpsilon): AccountName {
  const [first] = group.slots;
  const accounts = first?.event == null ? [] : accountsOf(first.event);
  const [account] = accounts;
  if (account === undefined || accounts.length > 1) {
    throw new SottoError('CARD_INCOMPLETE', `card.guarantees.${group.field}: it is not about the units of one part`);
  }
  return account;
}

function deltaWarning(delta: number, units: number | null): string | null {
  if (units === null || delta * units * 10 < 1) return null;
  return (
    `δ = ${delta} is not well below 1 / units (about 1 / ${Math.round(units)}): it is the probability with which ` +
    'the limit ε may fail, for any unit, and should be at most a tenth of that.'
  );
}

/** Assumed is what the accountants' event says, done is what both ends compute for the session: they must be one. */
function mechanismsOf(plan: Plan): PrivacyCard['mechanisms'] {
  const slots = planSlots(plan);
  const parts = sessionParts(
    plan,
    slots.map(({ slot }) => slot),
  );
  return slots.map(({ slot, event, count, events }, index) => {
    const { clipNormL2, samplingNumerator } = parts[index]!;
    const assumed = event?.samplingNumerator ?? samplingNumerator;
    if (assumed !== samplingNumerator) {
      throw new SottoError(
        'CARD_INCOMPLETE',
        `card.mechanisms[${index}].samplingAssumed: sampling done is of rate ${samplingNumerator}/2^32 but accounting assumes ${assumed}/2^32`,
      );
    }
    const sampled = samplingNumerator < everyUnit;
    const { query } = plan.training;
    const update = slot === 'training' && query.kind === 'update' ? query : null;
    const turns = slot === 'training' ? bandedSchedule(plan) : null;
    return {
      slot,
      event,
      charges: events.map((one) => ({ event: one.event, atMost: one.count })),
      turns,
      planned: count - plan.spareAttempts,
      spare: plan.spareAttempts,
      atMost: count,
      charged: null,
      released: null,
      clipNormL2,
      clip: update?.adaptiveClip === undefined ? 'fixed' : 'adaptive',
      samplingRate: samplingNumerator / everyUnit,
      samplingAssumed: sampled ? 'poisson' : 'none',
      samplingDone: sampled ? 'secretCoinOfEachClient' : turns !== null ? 'turnsInPublicOrder' : 'everyUnit',
    };
  });
}
