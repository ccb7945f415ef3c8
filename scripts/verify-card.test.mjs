import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { planCard, runCard } from '../shared/src/card/index.ts';
import { completePlan, planHashOf } from '../shared/src/plan/index.ts';
import { exampleAuthority, exampleClients, examplePlan } from '../shared/src/plan/testing/index.ts';
import { hasAccountant } from './python.mjs';

/** npm test makes one; a run of this file alone takes the system's where it can. */
const python = process.env['SOTTO_PYTHON'] ?? 'python3';
const folder = mkdtempSync(join(tmpdir(), 'sotto-cards-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A shipped example's plan, whose noise its ε decides, with a roster of test clients. */
function shipped(name, clients) {
  const read = (file) => JSON.parse(readFileSync(new URL(`../examples/${name}/${file}`, import.meta.url), 'utf8'));
  return completePlan({
    ...read('plan.json'),
    schema: read('schema.json'),
    authority: exampleAuthority().publicKey,
    roster: {
      kind: 'pinned',
      clients: exampleClients(clients).map(({ client, name: called, identity }) => ({
        client,
        name: called,
        identity,
      })),
    },
  });
}

/** A plan for users, with something in its query. */
const userPlan = (query) =>
  examplePlan({
    clients: 12,
    unit: 'client',
    evaluateEvery: null,
    overrides: {
      training: {
        query: { kind: 'update', clipNormL2: 1, localEpochs: 1, batchSize: 8, learningRate: 0.1, ...query },
        strategy: { kind: 'fedAvg' },
        rounds: 24,
        paceMs: 20,
        noiseMultiplier: 4,
      },
    },
  });

const cardOf = (plan) => planCard(plan, planHashOf(plan));

/** What verify_card.py says of cards, by name. One call: it takes seconds to load the accountant. */
function verified(cards) {
  const files = Object.entries(cards).map(([name, card]) => {
    const file = join(folder, `${name.replaceAll(' ', '-')}.json`);
    writeFileSync(file, JSON.stringify(card));
    return file;
  });
  const script = fileURLToPath(new URL('../examples/verify-card/verify_card.py', import.meta.url));
  const { status, stdout, stderr } = spawnSync(python, [script, ...files], { encoding: 'utf8' });
  return { status, stdout, wrong: stderr.split('\n').filter((line) => line !== '') };
}

const facts = {
  runId: 'ab'.repeat(16),
  state: 'finished',
  roundsRun: 80,
  roundsPlanned: 80,
  modelHash: 'cd'.repeat(32),
  charged: { training: 82, evaluation: 5 },
  releases: [{ slots: ['training', 'evaluation'], survivors: 8, noiseShare: 1.4 }],
  poolClients: 0,
};

const digits = cardOf(shipped('digits-8x8', 10));
const turns = cardOf(userPlan({ sampling: { kind: 'banded', bands: 3, maxParticipations: 4 } }));
const [training, evaluation] = digits.mechanisms;
const [first, second] = digits.guarantees;
const event = (change) => {
  const changed = { ...training.event, ...change };
  return { ...training, event: changed, charges: [{ event: changed, atMost: training.atMost }] };
};

/** Cards that say what is not so, and what the script has to say of each. */
const untrue = {
  'a lower epsilon': [{ guarantees: [{ ...first, epsilon: 2.9 }, second] }, /the card states 2\.9, recomputed 2\.99/],
  'noise for fewer sessions than it allows': [
    {
      mechanisms: [
        { ...training, planned: 800, atMost: 804, charges: [{ event: training.event, atMost: 804 }] },
        evaluation,
      ],
    },
    /the card states 3, recomputed 1\d\./,
  ],
  'more sessions charged than it covers': [
    { mechanisms: [{ ...training, charged: 1_500, released: 1_500 }, evaluation] },
    /more was charged than epsilon covers/,
  ],
  'less noise': [{ mechanisms: [event({ noiseMultiplier: 6 }), evaluation] }, /the card states 3, recomputed 7\.2/],
  'fewer charges than sessions': [
    { mechanisms: [{ ...training, charges: [{ event: training.event, atMost: 40 }] }, evaluation] },
    /a unit is charged less than every session/,
  ],
  'charges of less noise than the release': [
    {
      mechanisms: [
        { ...training, charges: [{ event: { ...training.event, noiseMultiplier: 1 }, atMost: training.atMost }] },
        evaluation,
      ],
    },
    /a charge has other noise than the release/,
  ],
  'turns that are charged too seldom': [
    { mechanisms: [{ ...turns.mechanisms[0], charges: turns.mechanisms[0].charges.slice(-1) }] },
    /a charge for each band/,
    turns,
  ],
  'turns without the spare ones': [
    {
      mechanisms: [
        {
          ...turns.mechanisms[0],
          charges: turns.mechanisms[0].charges.map((charge) => ({ ...charge, atMost: Math.min(4, charge.atMost) })),
        },
      ],
    },
    /turn 0 is charged 4 times, it comes \d times/,
    turns,
  ],
  'releases of no guarantee': [
    { guarantees: [first] },
    /guarantees for \['train'\], releases about \['train', 'validation'\]/,
  ],
  'a rosier table of colluders': [
    { collusion: { ...digits.collusion, left: digits.collusion.left.map((row) => ({ ...row, atFewest: [1, 1] })) } },
    /0 colluding, 8 contribute \(train\): the card states 1, recomputed 2\.78/,
  ],
  'another kind of event': [{ mechanisms: [event({ kind: 'skellam' }), evaluation] }, /unknown event skellam/],
  'a fixed cohort counted as Poisson': [
    { mechanisms: [{ ...training, samplingAssumed: 'poisson' }, evaluation] },
    /sampling assumed is not the event's/,
  ],
  'a missing field': [{ mechanisms: [event({ dimension: undefined }), evaluation] }, /a field is missing/],
};

describe.skipIf(!hasAccountant(python))('verify_card.py, with dp-accounting from the JSON alone,', () => {
  test('recomputes the cards of the hospitals, the digits, a run, and every kind of plan', () => {
    const { status, stdout, wrong } = verified({
      hospitals: cardOf(shipped('hospitals', 4)),
      digits,
      run: runCard(digits, facts),
      sampled: cardOf(examplePlan({ clients: 5, rounds: 20 })),
      client: cardOf(examplePlan({ unit: 'client', clients: 5 })),
      trusted: cardOf(examplePlan({ trust: 'trusted', clients: 2 })),
      local: cardOf(examplePlan({ trust: 'local', clients: 3 })),
      hidden: cardOf(userPlan({ sampling: { kind: 'hidden', samplingNumerator: 2 ** 30 } })),
      turns,
      adaptive: cardOf(
        userPlan({
          clipNormL2: 0.1,
          adaptiveClip: { quantile: 0.5, learningRate: 0.2, clipNormMin: 0.01, clipNormMax: 10 },
        }),
      ),
      none: cardOf(examplePlan({ privacy: 'none' })),
    });
    expect(wrong).toEqual([]);
    expect(status).toBe(0);
    expect(stdout).toContain('epsilon (train, delta 1e-05): the card states 1, recomputed 0.999892');
    expect(stdout).toContain('Every figure is at least what was recomputed.');
  });

  test('refuses each card that says what is not so', () => {
    const { status, wrong } = verified(
      Object.fromEntries(Object.entries(untrue).map(([name, [change, , of = digits]]) => [name, { ...of, ...change }])),
    );
    expect(status).toBe(1);
    expect(wrong).toHaveLength(Object.keys(untrue).length);
    Object.entries(untrue).forEach(([name, [, said]], index) => {
      expect(wrong[index], name).toContain(name.replaceAll(' ', '-'));
      expect(wrong[index], name).toMatch(said);
    });
  });
});
