import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { examplePlan } from '@sotto/shared/plan/testing';
import { createSeededRandom, uniformBelow } from '@sotto/shared/random';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from './program.ts';

let folder = '';
let planFile = '';
let dataFile = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-sim-'));
  planFile = join(folder, 'plan.json');
  dataFile = join(folder, 'data.csv');
  const plan = examplePlan({ rounds: 2, evaluateEvery: 1 });
  await writeFile(planFile, JSON.stringify(plan));
  const random = createSeededRandom('rows');
  const columns = plan.schema.columns.map(({ name }) => name);
  const rows = Array.from({ length: 90 }, (_, row) =>
    // Values within every column's range; a hospital column that the schema does not know.
    [row, 'abc'[row % 3], uniformBelow(random, 2), ...columns.map(() => uniformBelow(random, 2))].join(),
  );
  await writeFile(dataFile, [['row_id', 'hospital', 'label', ...columns].join(), ...rows].join('\n'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function called(...args: string[]) {
  let out = '';
  let error = '';
  const code = await run(args, { out: (text) => void (out += text), error: (text) => void (error += text) });
  return { code, out, error };
}

describe('sotto-sim', () => {
  it('run trains a divided table and says what came of it', async () => {
    const plain = await called('run', planFile, '--data', dataFile, '--partition', 'column:hospital');
    expect(plain.code).toBe(0);
    expect(plain.error).toContain('a: 30 units\nb: 30 units\nc: 30 units\n');
    expect(plain.error).toContain('round 2 of 2');
    expect(plain.out).toMatch(/Run +finished\n/);
    expect(plain.out).toMatch(/replay agrees/);
  });

  it('run gives one object with --json, the same for the same seed', async () => {
    const args = ['run', planFile, '--data', dataFile, '--clients', '3', '--partition', 'dirichlet:0.5', '--json'];
    const [first, again, other] = [
      await called(...args, '--seed', 'w5', '--faults', 'wild'),
      await called(...args, '--seed', 'w5', '--faults', 'wild', '--threads', '1'),
      await called(...args, '--seed', 'y'),
    ];
    expect(first).toEqual(again);
    expect(first).toMatchObject({ code: 0, error: '' });
    expect(JSON.parse(first.out)).toMatchObject({
      state: 'finished',
      rounds: 2,
      releasesChecked: 3,
      replayMatches: true,
    });
    expect(JSON.parse(other.out)).toMatchObject({ sessions: 3, failedSessions: 0, coordinatorCrashes: 0 });
    expect(JSON.parse(other.out).modelHash).not.toBe(JSON.parse(first.out).modelHash);
  });

  it('schedules runs each, shows it, and adds up', async () => {
    const { code, out, error } = await called('schedules', '--from', '3', '--to', '5');
    expect(code).toBe(0);
    expect(error.trimEnd().split('\n')).toHaveLength(2);
    expect(error).toMatch(/^schedule 3: /);
    expect(out).toMatch(/^2 schedules keep the rules/);
  });

  it('says what is wrong with its arguments and files, with the exit code for it', async () => {
    const cases: readonly (readonly [number, string, ...string[]])[] = [
      [2, 'unknown command', 'walk'],
      [2, 'required option', 'run', planFile],
      [2, 'whole number', 'schedules', '--from', 'x'],
      [2, '1 to 64', 'run', planFile, '--data', dataFile, '--threads', '0'],
      [2, 'Allowed choices', 'run', planFile, '--data', dataFile, '--faults', 'some'],
      [2, 'INVALID_INPUT: --to 3', 'schedules', '--from', '3', '--to', '3'],
      [2, 'INVALID_INPUT: --clients: needed', 'run', planFile, '--data', dataFile],
      [
        2,
        'column hospital has 3 values',
        'run',
        planFile,
        '--data',
        dataFile,
        '--partition',
        'column:hospital',
        '--clients',
        '4',
      ],
      [
        2,
        'INVALID_INPUT: partition zipf',
        'run',
        planFile,
        '--data',
        dataFile,
        '--partition',
        'zipf',
        '--clients',
        '3',
      ],
      [2, 'FILE_NOT_FOUND', 'run', join(folder, 'none.json'), '--data', dataFile],
      [3, 'no column ward', 'run', planFile, '--data', dataFile, '--partition', 'column:ward'],
      [8, 'PLAN_INVALID', 'run', planFile, '--data', dataFile, '--schema', planFile, '--clients', '3'],
    ];
    for (const [code, text, ...args] of cases) {
      const result = await called(...args);
      expect(result, args.join(' ')).toMatchObject({ code, out: '' });
      expect(result.error).toContain(text);
    }
    expect(await called('--help')).toMatchObject({ code: 0 });
    expect((await called('run', '--help')).out).toContain('Exit codes');
  });
});
