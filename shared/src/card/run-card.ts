import { SottoError } from '../errors/index.ts';
import type { SlotName } from '../privacy/index.ts';
import type { PrivacyCard } from './card-schema.ts';
import { requireComplete } from './plan-card.ts';
import { poolWords } from './trust-words.ts';

/** What a run has done so far, from its durable record. */
export type RunFactsForCard = {
  readonly runId: string;
  readonly state: NonNullable<PrivacyCard['run']>['state'];
  readonly roundsRun: number;
  readonly roundsPlanned: number;
  readonly modelHash: string;
  /** Sessions whose upload was charged, by slot. */
  readonly charged: Readonly<Partial<Record<SlotName, number>>>;
  /** Each release: its slots, how many clients' contributions are in it, and the noise that colluders do not know as a share of the floor's. */
  readonly releases: readonly {
    readonly slots: readonly SlotName[];
    readonly survivors: number;
    readonly noiseShare: number;
  }[];
  /** Clients of the roster that a pool voucher admitted. */
  readonly poolClients: number;
};

/**
 * A plan's card with what a run has done. The promise stays the plan's: a run that stopped early or carried more noise states
 * the same ε, because what it saw decided where it stopped (soundness.md §3).
 *
 * @throws {CARD_INCOMPLETE} when more was done than the stated ε covers, naming both numbers
 */
export function runCard(card: PrivacyCard, facts: RunFactsForCard): PrivacyCard {
  const { addedBy } = card.noise;
  const fewest = Math.min(...facts.releases.map(({ survivors }) => survivors));
  const released = Number.isFinite(fewest);
  const share = addedBy === 'clients' ? Math.min(...facts.releases.map(({ noiseShare }) => noiseShare)) : 1;
  const mechanisms = card.mechanisms.map((mechanism, index) => {
    const charged = facts.charged[mechanism.slot] ?? 0;
    if (charged > mechanism.atMost) {
      throw new SottoError(
        'CARD_INCOMPLETE',
        `card.mechanisms[${index}].charged: ${charged} sessions with ${mechanism.slot} were charged, the stated epsilon covers ${mechanism.atMost}`,
      );
    }
    const releases = facts.releases.filter(({ slots }) => slots.includes(mechanism.slot)).length;
    return { ...mechanism, charged, released: releases };
  });
  return requireComplete({
    ...card,
    run: {
      runId: facts.runId,
      state: facts.state,
      roundsRun: facts.roundsRun,
      roundsPlanned: facts.roundsPlanned,
      modelHash: facts.modelHash,
    },
    guarantees: card.guarantees.map((guarantee) => ({
      ...guarantee,
      // At most: where clients take turns, not every session is one of each unit.
      participationsDone: Math.min(
        guarantee.participationsMost,
        guarantee.slots.reduce((sum, slot) => sum + (facts.charged[slot] ?? 0), 0),
      ),
    })),
    mechanisms,
    keys: { ...card.keys, poolClients: facts.poolClients, pool: poolWords(facts.poolClients) },
    noise: {
      ...card.noise,
      fewestSurvivors: released ? fewest : null,
      shareReceived: released && addedBy !== 'nobody' ? share : null,
    },
  });
}
