import { createNodeCrypto, createNodeRandom, nodeKeyStream } from '@sotto/shared/crypto/node';
import { initialWeights, referenceModel } from '@sotto/shared/model';
import { inputWidth, partLayers, sessionParts, type Plan } from '@sotto/shared/plan';
import { exampleClient, examplePlan } from '@sotto/shared/plan/testing';
import { afterEach, expect, it } from 'vitest';
import { removeLayers } from '@sotto/shared/queries';
import { createUnitTable, shareUnits, unitsByPart, type PlacedUnits } from '../data/index.ts';
import { contributeInPlace } from '../session/contribute-in-place.ts';
import type { ContributionTask } from '../session/ports.ts';
import { createContributionThread } from './contribution-thread.ts';
import type { ContributionThread } from './contributions-apart.ts';

const everyUnit = { kind: 'gradient', samplingNumerator: 2 ** 32, clipNormL2: 0.5, expectedBatch: 100 } as const;
const task: ContributionTask = { slots: ['training', 'evaluation'], round: 3, noise: null };
const { client } = exampleClient(0);
const threads: ContributionThread[] = [];
afterEach(async () => {
  await Promise.all(threads.splice(0).map((thread) => thread.close()));
});

function planOf(privacy: 'dp' | 'none', hidden = 32): Plan {
  const plan = examplePlan({ data: 'digits', privacy, clients: 10, hidden });
  return { ...plan, training: { ...plan.training, query: everyUnit } };
}

function unitsOf(plan: Plan, units: number): PlacedUnits {
  const pixels = Array.from({ length: 64 }, (_, pixel) => `p${pixel}`);
  const table = createUnitTable(plan.schema, ['row_id', ...pixels, 'label']);
  for (let unit = 0; unit < units; unit++) {
    table.add([`unit ${unit}`, ...pixels.map((_, pixel) => String((unit * 7 + pixel * 3) % 17)), String(unit % 10)]);
  }
  return shareUnits(table.finish(), new Uint8Array(32).fill(5));
}

function begin(plan: Plan, units: PlacedUnits) {
  const chosen: string[] = [];
  const thread = createContributionThread(units, ({ engine }) => chosen.push(engine));
  threads.push(thread);
  return { thread, chosen, contributor: thread.begin(plan, client), weights: weightsOf(plan) };
}

const weightsOf = (plan: Plan): Float32Array =>
  initialWeights(plan.topology, inputWidth(plan.schema), plan.initialWeights.seed);

function inPlace(plan: Plan, units: PlacedUnits) {
  const partOf = unitsByPart(units);
  return contributeInPlace(
    {
      data: { schema: plan.schema, unitsOf: partOf },
      createModel: async () => referenceModel(plan.topology, inputWidth(plan.schema), plan.loss),
      crypto: createNodeCrypto(),
      random: createNodeRandom(),
    },
    plan,
    client,
  );
}

/** The longest time in which a timer of 5 ms did not come, and how long the work took, both in milliseconds. */
async function longestGap(work: () => Promise<unknown>): Promise<{ gap: number; took: number }> {
  const began = performance.now();
  let last = began;
  let gap = 0;
  const tick = (): void => {
    const now = performance.now();
    gap = Math.max(gap, now - last);
    last = now;
  };
  const timer = setInterval(tick, 5);
  await work();
  tick();
  clearInterval(timer);
  return { gap, took: performance.now() - began };
}

it('gives exactly what the same contribution on the own thread gives, part by part', async () => {
  const plan = planOf('none');
  const units = unitsOf(plan, 300);
  const { contributor, weights, chosen } = begin(plan, units);
  const integers = await contributor.contribute(task, weights);
  expect(integers).toEqual(await inPlace(plan, units).contribute(task, weights));
  expect(integers.some((value) => value !== 0)).toBe(true);
  expect(chosen).toEqual(['typed arrays']);
});

it('adds noise of the planned variance, fresh each time, from its own source', async () => {
  const plan = planOf('dp');
  const { contributor, weights } = begin(plan, unitsOf(plan, 0));
  const [part] = sessionParts(plan, ['training']);
  const first = await contributor.contribute({ ...task, slots: ['training'] }, weights);
  const second = await contributor.contribute({ ...task, slots: ['training'] }, weights);
  const variance = (values: Int32Array): number => values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
  const wanted = part!.noiseVarianceSteps;
  expect(first.length).toBe(weights.length);
  // Six standard deviations of a variance over 2,410 coordinates; two independent draws differ by twice the variance.
  const slack = 6 * Math.sqrt(2 / first.length);
  for (const one of [first, second]) expect(Math.abs(variance(one) / wanted - 1)).toBeLessThan(slack);
  const apart = variance(first.map((value, index) => value - second[index]!));
  expect(Math.abs(apart / (2 * wanted) - 1)).toBeLessThan(slack);
});

it('draws noise that can be taken out again from the keys that it is given, in layers', async () => {
  const plan = examplePlan({ data: 'digits', clients: 10, minSurvivors: 7, colluding: 2 });
  const { contributor, weights } = begin(plan, unitsOf(plan, 0));
  const random = createNodeRandom();
  const keys = [random.bytes(32), random.bytes(32), random.bytes(32)];
  const parts = sessionParts(plan, ['training', 'evaluation']);
  const variances = parts.map((part) => partLayers(plan, part, 10));
  const integers = await contributor.contribute({ ...task, noise: { clients: 10, keys } }, weights);
  await removeLayers(integers, parts, variances, [keys], nodeKeyStream);
  const training = integers.subarray(0, parts[0]!.dimension);
  const left = training.reduce((sum, value) => sum + value ** 2, 0) / training.length;
  // Six standard deviations of a variance; of all noise it would be half more, and twice that of what is left if nothing fitted.
  expect(Math.abs(left / variances[0]![0]! - 1)).toBeLessThan(6 * Math.sqrt(2 / training.length));
});

// Failure: whoever asks this process something can tell by the answer's delay how long the work on the data takes. Other programs
// of the machine may hold the timer up as well, so the bound grows with the work; in place, the gap is the whole of it.
it('leaves the thread that speaks free while it works', async () => {
  const plan = planOf('none', 256);
  const units = unitsOf(plan, 5_000);
  const { contributor, weights } = begin(plan, units);
  await contributor.contribute(task, weights);
  const apart = await longestGap(() => contributor.contribute(task, weights));
  expect(apart.took).toBeGreaterThan(200);
  expect(apart.gap).toBeLessThan(Math.max(100, apart.took / 3));
  const here = inPlace(plan, units);
  await here.contribute(task, weights);
  const held = await longestGap(() => here.contribute(task, weights));
  expect(held.gap).toBeGreaterThan(held.took / 2);
});

it('that dies in the middle fails what it was at, and the next contribution starts it again', async () => {
  // Long enough at work (hundreds of milliseconds) that its end always comes first.
  const plan = planOf('none', 256);
  const units = unitsOf(plan, 5_000);
  const { contributor, weights } = begin(plan, units);
  const whole = await contributor.contribute(task, weights);
  // Too few weights: an error that the thread survives.
  await expect(contributor.contribute(task, weights.subarray(1))).rejects.toMatchObject({ code: 'TRAINING_FAILED' });
  expect(await contributor.contribute(task, weights)).toEqual(whole);

  const { Worker } = await import('node:worker_threads');
  const started: InstanceType<typeof Worker>[] = [];
  const original = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (this: InstanceType<typeof Worker>, ...sent: Parameters<typeof original>) {
    started.push(this);
    return original.apply(this, sent);
  } as typeof original;
  try {
    const lost = contributor.contribute(task, weights);
    void started[0]!.terminate();
    await expect(lost).rejects.toMatchObject({ code: 'TRAINING_FAILED', message: expect.stringContaining('ended') });
    expect(await contributor.contribute(task, weights)).toEqual(whole);
    expect(started.at(-1)).not.toBe(started[0]);
  } finally {
    Worker.prototype.postMessage = original;
  }
});

it('keeps runs apart, and ends one without the other', async () => {
  const plan = planOf('none');
  const units = unitsOf(plan, 50);
  const { thread, contributor, weights } = begin(plan, units);
  const wide = { ...plan, initialWeights: { ...plan.initialWeights, seed: 'ef'.repeat(32) } };
  const other = thread.begin(wide, client);
  const [first, second] = await Promise.all([
    contributor.contribute(task, weights),
    other.contribute(task, weightsOf(wide)),
  ]);
  expect(first).not.toEqual(second);
  const abandoned = contributor.contribute(task, weights);
  await Promise.all([expect(abandoned).rejects.toMatchObject({ code: 'TRAINING_FAILED' }), contributor.dispose()]);
  expect(await other.contribute(task, weightsOf(wide))).toEqual(second);
});

it('leaves no thread when it is closed, however busy', async () => {
  const plan = planOf('none');
  const { thread, contributor, weights } = begin(plan, unitsOf(plan, 3_000));
  const ports = (): number => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
  await contributor.contribute({ ...task, slots: ['evaluation'] }, weights);
  expect(ports()).toBeGreaterThan(0);
  const before = ports();
  const cut = contributor.contribute(task, weights);
  await Promise.all([expect(cut).rejects.toMatchObject({ code: 'TRAINING_FAILED' }), thread.close()]);
  expect(ports()).toBeLessThan(before);
  await expect(contributor.contribute(task, weights)).rejects.toMatchObject({ code: 'TRAINING_FAILED' });
  await thread.close();
});
