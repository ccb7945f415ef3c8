import { describe, expect, it } from 'vitest';
import { layoutLength } from '../../vector/index.ts';
import { peopleBatch, peopleContext, releasedOf, scoreModel, type Person } from '../testing/measured-people.ts';
import { concludeClients, clients, clientsSettings, type ClientFigures } from './clients.ts';
import { measureSums } from './measures-query.ts';

const measure = { kind: 'clients' };
const settings = clientsSettings.parse(measure);

/** People of whom so many are predicted right. */
function people(right: number, wrong: number): Person[] {
  return [
    ...Array.from({ length: right }, () => ({ sex: 'F', label: 1, score: 0.8 })),
    ...Array.from({ length: wrong }, () => ({ sex: 'M', label: 0, score: 0.8 })),
  ];
}

async function reportOf(federation: readonly Person[][], changes = {}): Promise<ClientFigures> {
  const [only] = await releasedOf(peopleContext(measure, { clients: federation.length, ...changes }), federation);
  return only!.report as ClientFigures;
}

const valueOf = ({ figures }: ClientFigures, name: string) => figures.find((one) => one.name === name)?.figure?.value;

describe('clients, at unit record', () => {
  it('count each in its own place: exactly what it has', async () => {
    const report = await reportOf([people(90, 10), people(60, 40), people(3, 1), []], { minimumUnits: 10 });
    expect(report.units).toBe(204);
    expect(report.clients.map(({ units }) => units)).toEqual([100, 100, 4, 0]);
    expect(report.clients.map(({ accuracy }) => accuracy.figure?.value ?? accuracy.withheld)).toEqual([
      0.9,
      0.6,
      'about 4 units, at least 10 are needed',
      'about 0 units, at least 10 are needed',
    ]);
    // Of the two that are told.
    expect(valueOf(report, 'mean')).toBeCloseTo(0.75, 12);
    expect(valueOf(report, 'worstDecile')).toBeCloseTo(0.6, 12);
    expect(valueOf(report, 'deviation')).toBeCloseTo(0.15, 12);
    expect(valueOf(report, 'jain')).toBeCloseTo(1.5 ** 2 / (2 * (0.81 + 0.36)), 12);
    expect(report.histogram).toBeNull();
  });

  it('of whom fewer than two are told have no spread', async () => {
    const report = await reportOf([people(30, 9), people(2, 1)], { minimumUnits: 10 });
    for (const { figure, withheld } of report.figures) {
      expect(figure).toBeNull();
      expect(withheld).toBe('fewer than two clients can be told');
    }
  });

  it('served alike stay below the floor of the deviation', () => {
    const context = peopleContext(measure, { clients: 4 });
    const layout = clients.layout(context, settings);
    const cells = Float64Array.from([20, 80, 24, 76, 17, 83, 21, 79]);
    const report = concludeClients(context, settings, measureSums(layout, cells, 3));
    const deviation = report.figures.find(({ name }) => name === 'deviation')!;
    expect(deviation.figure!.value).toBeLessThan(deviation.floor!);
    const apart = concludeClients(context, settings, measureSums(layout, cells.with(1, 20), 3));
    const other = apart.figures.find(({ name }) => name === 'deviation')!;
    expect(other.figure!.value).toBeGreaterThan(other.floor!);
  });

  it('with a test part like the four hospitals’ at ε = 1: the small ones are withheld, the large ones told', () => {
    // The noise of ε = 1 at δ = 1e-5 is 3.73 of a count, with a share of a third in the report √3 times that.
    const hospitals = [
      [20, 84],
      [17, 72],
      [7, 9],
      [13, 32],
    ];
    const context = peopleContext(measure, { clients: 4, minimumUnits: 10 });
    const noiseStd = 3.73 * Math.sqrt(3);
    const layout = clients.layout(context, settings);
    const report = concludeClients(
      context,
      settings,
      measureSums(layout, Float64Array.from(hospitals.flat()), noiseStd),
    );
    expect(report.clients.map(({ accuracy }) => accuracy.figure === null)).toEqual([false, false, true, true]);
    expect(report.clients[2]!.accuracy.withheld).toBe('about 16 units, at least 28 are needed');
  });

  it('are refused alone, and for a number', () => {
    expect(clients.problems(peopleContext(measure, { clients: 1 }), settings)[0]!.problem).toContain(
      'nobody to be compared',
    );
    const number = peopleContext(measure, { target: 'number', classes: [] });
    expect(clients.problems(number, settings)[0]!.problem).toBe('a number target has no accuracy');
    expect(clients.problems(peopleContext(measure), settings)).toEqual([]);
  });

  it('need to be told whose device asks', async () => {
    const batch = peopleBatch(people(1, 0));
    const outputs = await scoreModel(1).predict(batch.inputs, batch.rows);
    const input = {
      context: peopleContext(measure),
      batch,
      outputs,
      differentiable: () => Promise.reject(new Error()),
      seed: new Uint8Array(32),
    };
    await expect(clients.contribute(input, settings, () => {})).rejects.toThrow('whose device asks');
  });
});

describe('clients, at unit client', () => {
  it('are counted by accuracy, one each, however many rows they have', async () => {
    const federation = [people(9, 1), people(180, 20), people(5, 5), people(1, 0), []];
    const report = await reportOf(federation, { unit: 'client' });
    const expected = Array.from({ length: 20 }, () => 0);
    expected[18] = 2;
    expected[10] = 1;
    expected[19] = 1;
    expect(report.histogram).toEqual(expected.map((count) => expect.closeTo(count, 3)));
    expect(report.units).toBeCloseTo(4, 3);
    expect(valueOf(report, 'mean')).toBeCloseTo((2 * 0.925 + 0.525 + 0.975) / 4, 3);
    expect(report.clients).toEqual([]);
  });

  it('too few beside the noise are withheld', () => {
    const context = peopleContext(measure, { unit: 'client' });
    const layout = clients.layout(context, settings);
    const cells = new Float64Array(layoutLength(layout)).fill(1);
    const report = concludeClients(context, settings, measureSums(layout, cells, 3.73));
    expect(report.figures.every(({ figure }) => figure === null)).toBe(true);
    expect(report.figures[0]!.withheld).toBe('about 20 clients, at least 51 are needed');
  });
});
