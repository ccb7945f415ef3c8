import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { thresholdFileSchema } from '@sotto/shared/queries';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';

let dir = '';
const file = (name: string): string => join(dir, name);

async function sotto(...args: string[]) {
  let [out, error] = ['', ''];
  const ports = { environment: {}, ended: Promise.resolve() };
  const code = await run(args, { ...ports, out: (text) => (out += text), error: (text) => (error += text) });
  return { code, out, error };
}

const labels = (no: number | null, yes: number | null) => [
  { label: 'no', weight: no, count: 1 },
  { label: 'yes', weight: yes, count: 1 },
];
const groupLabels = (women: number) => ({
  kind: 'groupLabels',
  slot: 'survey',
  detail: {
    attributes: [
      {
        name: 'sex',
        columns: ['sex'],
        groups: [
          { group: 'F', labels: labels(0.9, women) },
          { group: 'M', labels: labels(1.1, null) },
          { group: 'other', labels: labels(null, null) },
        ],
      },
      { name: 'age', columns: [{ column: 'age', cuts: [50] }], groups: [{ group: 'age < 50', labels: labels(1, 2) }] },
    ],
  },
});
const odds = {
  criterion: 'equalizedOdds',
  groups: [
    { group: 'F', thresholds: [{ atLeast: 0.3, chance: 1 }] },
    {
      group: 'M',
      thresholds: [
        { atLeast: 0.5, chance: 0.25 },
        { atLeast: 0.6, chance: 0.75 },
      ],
    },
  ],
  expected: { accuracy: 0.83, demographicParity: 0.1, equalOpportunity: 0.01, equalizedOdds: 0.02 },
};
const fairness = {
  settings: { kind: 'fairness' },
  report: {
    attributes: [
      {
        name: 'sex',
        columns: ['sex'],
        groups: [{ group: 'F', weights: labels(1, 2) }],
        thresholds: [odds],
      },
    ],
  },
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sotto-fairness-'));
  const write = (name: string, value: unknown) => writeFile(file(name), JSON.stringify(value));
  await write('draft.json', { name: 'draft', training: { query: { kind: 'gradient' }, rounds: 3 } });
  await write('update.json', { name: 'draft', training: { query: { kind: 'update' } } });
  await write('bare.json', { name: 'draft' });
  await write('report.json', { measures: [groupLabels(7), groupLabels(2.1234567)] });
  await write('status.json', { run: { modelHash: 'cd'.repeat(32) }, measures: [fairness] });
  await write('nothing.json', { measures: [{ kind: 'performance', detail: { confusion: [] } }] });
  await write('broken.json', { measures: [{ kind: 'fairness', detail: { attributes: [{ name: 'sex' }] } }] });
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('sotto plan reweigh', () => {
  const reweigh = (draft: string, report: string, ...more: string[]) =>
    sotto('plan', 'reweigh', file(draft), '--report', file(report), ...more);

  it('puts the newest release’s weights into the draft, those alone that noise does not hide', async () => {
    const { code, out, error } = await reweigh('draft.json', 'report.json', '--attribute', 'sex', '--json');
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(JSON.parse(out)).toEqual({
      name: 'draft',
      training: {
        query: { kind: 'gradient' },
        rounds: 3,
        weights: {
          columns: ['sex'],
          cells: [
            { group: 'F', label: 'no', weight: 0.9 },
            { group: 'F', label: 'yes', weight: 2.12346 },
            { group: 'M', label: 'no', weight: 1.1 },
          ],
        },
      },
    });
  });

  it('says in words what it wrote to a file; other lists of measures will do, and fairness will', async () => {
    const { out } = await reweigh('draft.json', 'report.json', '--attribute', 'sex', '--out', file('weighted.json'));
    expect(out).toContain('F  yes  2.123\n');
    expect(out).toContain('3 further cells have too few units beside the noise and keep weight 1.');
    const other = await reweigh('draft.json', 'status.json', '--json');
    expect(JSON.parse(other.out).training.weights.cells).toEqual([
      { group: 'F', label: 'no', weight: 1 },
      { group: 'F', label: 'yes', weight: 2 },
    ]);
  });

  it.each([
    ['draft.json', 'report.json', '--attribute: expected one of sex, age, got none'],
    ['draft.json', 'nothing.json', 'there is no measure groupLabels or fairness in it'],
    ['draft.json', 'broken.json', 'at [0].groups'],
    ['update.json', 'status.json', 'update knows of no weights; use gradient'],
    ['bare.json', 'status.json', 'plan.training: expected a query'],
  ])('refuses %s with %s', async (draft, report, reason) => {
    const { code, error } = await reweigh(draft, report);
    expect(code).not.toBe(0);
    expect(error).toContain(reason);
  });
});

describe('sotto model thresholds', () => {
  it('writes what a report suggests as a file that predictions read', async () => {
    const out = file('thresholds.json');
    const said = await sotto('model', 'thresholds', '--report', file('status.json'), '--out', out);
    expect(said.code).toBe(0);
    expect(said.out).toContain('M: positive from 0.5 with chance 0.250, and from 0.6 with chance 0.750');
    expect(said.out).toContain('equalizedOdds 0.020');
    const written: unknown = JSON.parse(await readFile(out, 'utf8'));
    expect(thresholdFileSchema.parse(written)).toEqual({
      kind: 'sotto-thresholds',
      version: 1,
      modelHash: 'cd'.repeat(32),
      columns: ['sex'],
      criterion: 'equalizedOdds',
      groups: odds.groups,
    });
  });

  it('refuses a report that suggests none', async () => {
    const args = ['model', 'thresholds', '--report', file('status.json'), '--out', file('none.json')];
    const { code, error } = await sotto(...args, '--criterion', 'equalOpportunity');
    expect(code).not.toBe(0);
    expect(error).toContain('no thresholds by sex for equalOpportunity; ask the measure fairness with bins');
  });
});
