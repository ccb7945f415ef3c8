import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { epsilonOf } from './accountants/accountant.ts';
import { calibrateNoiseMultiplier } from './accountants/calibrate.ts';
import {
  chargeLedger,
  ledgerEpsilon,
  ledgerEpsilonWith,
  openLedger,
  replayLedger,
  type Ledger,
  type LedgerCharge,
} from './ledger.ts';
import type { MechanismEvent } from './mechanism-event.ts';

const event: MechanismEvent = {
  kind: 'sampledGaussianSum',
  version: 1,
  unit: 'record',
  adjacency: 'addOrRemove',
  part: 'train',
  query: 'gradient',
  samplingNumerator: 2 ** 30,
  noiseMultiplier: 3.94,
  normBoundSteps: 3_831,
  gridStepsPerRms: 1_024,
  dimension: 14,
  noise: 'distributedDiscreteGaussian',
  minSurvivors: 4,
  colluding: 1,
  numericSlack: 0,
};
const charge = (round: number, change: Partial<LedgerCharge> = {}): LedgerCharge => ({
  planHash: 'ab'.repeat(32),
  round,
  slot: 'training',
  attempt: round,
  event,
  ...change,
});

function charged(ledger: Ledger, next: LedgerCharge): Ledger {
  const result = chargeLedger(ledger, next);
  if (!result.ok) throw result.error;
  return result.ledger;
}

describe('ledger', () => {
  it('charges until the budget and refuses the round that would pass it, in these words', () => {
    let ledger = openLedger({ epsilon: 2, delta: 1e-5 });
    let rounds = 0;
    for (;;) {
      const result = chargeLedger(ledger, charge(rounds + 1));
      if (!result.ok) {
        expect(result.error.code).toBe('BUDGET_EXCEEDED');
        expect(result.error.message).toMatch(/^This round would raise epsilon to 2\.0\d, budget 2$/);
        break;
      }
      expect(result.epsilonAfter).toBeLessThanOrEqual(2);
      expect(result.epsilonAfter).toBe(ledgerEpsilon(result.ledger));
      ledger = result.ledger;
      rounds += 1;
    }
    // Sound: what it let through costs at most 2 by the accountant too. Useful: most of what the accountant would allow.
    expect(epsilonOf([{ event, count: rounds }], 1e-5).epsilon).toBeLessThanOrEqual(2);
    expect(epsilonOf([{ event, count: Math.ceil(rounds * 1.35) }], 1e-5).epsilon).toBeGreaterThan(2);
    // Refused for good: the next attempt is no other.
    expect(chargeLedger(ledger, charge(rounds + 1, { attempt: 9_999 })).ok).toBe(false);
  });

  it('books a key once and refuses the same key with another event', () => {
    const ledger = charged(openLedger({ epsilon: 2, delta: 1e-5 }), charge(1));
    const again = chargeLedger(ledger, charge(1));
    expect(again).toMatchObject({ ok: true, epsilonAfter: ledgerEpsilon(ledger) });
    if (again.ok) expect(again.ledger).toBe(ledger);
    const other = chargeLedger(ledger, charge(1, { event: { ...event, noiseMultiplier: 100 } }));
    expect(other.ok ? 'ok' : other.error.code).toBe('CONFLICT');
    for (const change of [{ attempt: 2 }, { slot: 'evaluation' }, { round: 2 }, { planHash: 'cd'.repeat(32) }]) {
      expect(ledgerEpsilon(charged(ledger, charge(1, change)))).toBeGreaterThan(ledgerEpsilon(ledger));
    }
  });

  it('never falls, and is the same rebuilt from its stored lines', () => {
    const charges = fc.record({
      round: fc.integer({ min: 1, max: 6 }),
      attempt: fc.integer({ min: 1, max: 3 }),
      part: fc.constantFrom('train', 'validation', 'test', 'all' as const),
    });
    fc.assert(
      fc.property(fc.array(charges, { maxLength: 30 }), (list) => {
        let ledger = openLedger({ epsilon: 1.2, delta: 1e-5 });
        for (const { round, attempt, part } of list) {
          const before = ledgerEpsilon(ledger);
          const result = chargeLedger(ledger, charge(round, { attempt, slot: part, event: { ...event, part } }));
          if (result.ok) ledger = result.ledger;
          expect(ledgerEpsilon(ledger)).toBeGreaterThanOrEqual(before);
          expect(ledgerEpsilon(ledger)).toBeLessThanOrEqual(1.2);
        }
        const stored: { opening: Ledger['opening']; lines: LedgerCharge[] } = JSON.parse(
          JSON.stringify({ opening: ledger.opening, lines: [...ledger.charges.values()] }),
        );
        expect(replayLedger(stored.opening, stored.lines)).toEqual(ledger);
        expect(replayLedger(stored.opening, [...stored.lines, ...stored.lines])).toEqual(ledger);
      }),
      { seed: 9, numRuns: 40 },
    );
  });

  it('keeps an account for each part, and counts "all" in every one', () => {
    const opened = openLedger({ epsilon: 8, delta: 1e-5 });
    const train = charged(opened, charge(1));
    const both = charged(train, charge(1, { slot: 'evaluation', event: { ...event, part: 'validation' } }));
    expect(ledgerEpsilon(both)).toBe(ledgerEpsilon(train));
    const all = charged(both, charge(2, { event: { ...event, part: 'all' } }));
    expect(Object.keys(all.spentRdp).sort()).toEqual(['test', 'train', 'validation']);
    expect(all.spentRdp.train).toBe(2 * (all.spentRdp.test ?? 0));
  });

  it.each([
    // samplingNumerator, releases, ε of the plan, by how much its budget must be larger
    [2 ** 32, 80, 3, 1.1],
    [2 ** 32, 100, 1, 1.1],
    [135_070_990, 620, 1, 1.11],
    [2 ** 32 / 50, 500, 3, 1.18],
  ])(
    'holds a plan of sampling %i/2^32, %i releases, ε %f when opened with a little more',
    (samplingNumerator, count, epsilon, room) => {
      const sampled = { ...event, samplingNumerator: Math.floor(samplingNumerator) };
      const noiseMultiplier = calibrateNoiseMultiplier(sampled, count, epsilon, 1e-5);
      const budget = { epsilon: epsilon * room, delta: 1e-5 };
      const needed = ledgerEpsilonWith(openLedger(budget), [{ event: { ...sampled, noiseMultiplier }, count }]);
      expect(needed).toBeLessThanOrEqual(budget.epsilon);
      expect(needed).toBeGreaterThan(epsilon);
    },
  );

  it('counts one unit only', () => {
    const ledger = charged(openLedger({ epsilon: 8, delta: 1e-5 }), charge(1));
    const result = chargeLedger(ledger, charge(2, { event: { ...event, unit: 'client' } }));
    expect(result.ok ? 'ok' : result.error.code).toBe('UNSUPPORTED_EVENT');
    expect(() => ledgerEpsilonWith(ledger, [{ event: { ...event, unit: 'client' }, count: 1 }])).toThrow(/unit client/);
  });

  it('refuses an event without noise, whatever the budget', () => {
    const result = chargeLedger(
      openLedger({ epsilon: 1e6, delta: 1e-5 }),
      charge(1, { event: { ...event, noiseMultiplier: 0 } }),
    );
    expect(result.ok ? 'ok' : result.error.code).toBe('NO_NOISE');
  });

  it('tells beforehand what a whole plan needs', () => {
    let ledger = openLedger({ epsilon: 3, delta: 1e-5 });
    const needed = ledgerEpsilonWith(ledger, [{ event, count: 50 }]);
    for (let round = 1; round <= 50; round += 1) ledger = charged(ledger, charge(round));
    expect(ledgerEpsilon(ledger)).toBeCloseTo(needed, 10);
    expect(needed).toBeGreaterThanOrEqual(epsilonOf([{ event, count: 50 }], 1e-5).epsilon);
  });

  it('refuses budgets that are none', () => {
    for (const epsilon of [0, -1, Number.NaN, Infinity])
      expect(() => openLedger({ epsilon, delta: 1e-5 })).toThrow(/epsilon/);
    for (const delta of [0, 1, Number.NaN]) expect(() => openLedger({ epsilon: 1, delta })).toThrow(/delta/);
    expect(() => openLedger({ epsilon: 1e-4, delta: 1e-9 })).toThrow(/no order/);
  });
});

describe('calibrateNoiseMultiplier', () => {
  const plain = { ...event, samplingNumerator: 2 ** 32 };

  it('gives the least four digits that keep epsilon', () => {
    for (const [count, epsilon] of [
      [100, 1],
      [1, 3],
      [620, 0.2],
    ] as const) {
      const z = calibrateNoiseMultiplier(plain, count, epsilon, 1e-5);
      const at = (noiseMultiplier: number) =>
        epsilonOf([{ event: { ...plain, noiseMultiplier }, count }], 1e-5).epsilon;
      expect(at(z)).toBeLessThanOrEqual(epsilon);
      const digit = 10 ** (Math.floor(Math.log10(z)) - 3);
      expect(at(z - digit)).toBeGreaterThan(epsilon);
      expect(Number(z.toPrecision(4))).toBe(z);
    }
    // soundness.md §2.1
    expect(calibrateNoiseMultiplier(plain, 100, 1, 1e-5)).toBeCloseTo(37.31, 1);
  });

  it('does so under sampling', () => {
    const z = calibrateNoiseMultiplier(event, 100, 3, 1e-5);
    // soundness.md §2.1
    expect(z).toBeCloseTo(3.653, 2);
    const at = (noiseMultiplier: number) =>
      epsilonOf([{ event: { ...event, noiseMultiplier }, count: 100 }], 1e-5).epsilon;
    expect(at(z)).toBeLessThanOrEqual(3);
    expect(at(z - 0.001)).toBeGreaterThan(3);
  });

  it('stops at the least noise that the grid allows', () => {
    const z = calibrateNoiseMultiplier(plain, 0, 1, 1e-5);
    expect(z * 3_831).toBeGreaterThanOrEqual(4 * Math.sqrt(3));
    expect(z * 3_831).toBeLessThan(4.01 * Math.sqrt(3));
  });

  it('says what is out of reach and what to change', () => {
    expect(() => calibrateNoiseMultiplier(plain, 1e9, 1e-6, 1e-12)).toThrow(/out of reach.*gives .*lower the count/);
    expect(() => calibrateNoiseMultiplier(plain, 1, 0, 1e-5)).toThrow(/epsilon 0/);
    expect(() => calibrateNoiseMultiplier(plain, 1, 1, 1)).toThrow(/delta/);
  });
});
