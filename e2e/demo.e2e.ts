import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors } from '@sotto/shared/model';
import { reportSchema } from '@sotto/shared/report';
import { beforeAll, describe, expect, test } from 'vitest';
import { start } from './testing/commands.ts';

/** The demonstrations as a visitor starts them; what they write lies below the folder that they were started in. */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const demo = join(root, 'scripts', 'demo.mjs');
const dataFolder = process.env['SOTTO_DATA'];
const hospitals = dataFolder !== undefined && existsSync(join(dataFolder, 'heart-4-hospitals', 'data.csv'));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sotto-demo-'));
  return () => rm(folder, { recursive: true, force: true });
});

test('ten owners of skewed digits train a model that none could train alone', { timeout: 400_000 }, async () => {
  const { code, figures, said } = await run([]);
  expect(code, said).toBe(0);
  await checkFigures(figures);
  const { aloneAccuracy, togetherAccuracy, epsilon, evaluationEpsilon, rounds } = figures;
  expect(epsilon).toBe(3);
  expect(Number(evaluationEpsilon)).toBeGreaterThan(0);
  expect(Number(rounds)).toBeGreaterThan(50);
  // Dirichlet 0.3 over ten owners leaves each with a few classes: alone about a half, together about nine in ten.
  expect(Number(aloneAccuracy)).toBeGreaterThan(0.3);
  expect(Number(aloneAccuracy)).toBeLessThan(0.7);
  expect(Number(togetherAccuracy)).toBeGreaterThan(0.85);
  expect(said).toMatch(/validation accuracy after round \d+/);
});

test('a word that is no demonstration is refused', async () => {
  const { code, said } = await run(['kittens']);
  expect(code).toBe(2);
  expect(said).toContain('INVALID_INPUT: there is no demonstration "kittens"');
});

test('a report of the digits is refused: their plan asks for none', async () => {
  const { code, said } = await run(['--report']);
  expect(code).toBe(2);
  expect(said).toContain('INVALID_INPUT: the digits have no report');
});

test('without the hospitals’ data it says where they are to be had', async () => {
  const { code, said } = await run(['hospitals', '--data', folder]);
  expect(code).toBe(2);
  expect(said).toMatch(/FILE_NOT_FOUND: .*UCI Machine Learning Repository/);
});

describe.skipIf(!hospitals)('hospitals (SOTTO_DATA names the folder with heart-4-hospitals)', () => {
  test('four hospitals train one model, and each scores it on its own screen', { timeout: 200_000 }, async () => {
    const { code, figures, said } = await run(['hospitals', '--data', resolve(dataFolder ?? '')]);
    expect(code, said).toBe(0);
    await checkFigures(figures);
    expect(figures['epsilon']).toBe(1);
    expect(figures['rounds']).toBe(100);
    expect(Number(figures['togetherAccuracy'])).toBeGreaterThan(0.75);
    expect(said.match(/'s own screen: accuracy \d+\.\d %, AUC 0?\.\d+ on its own \d+ test rows/g)?.length).toBe(4);
  });
});

// Minutes each, so in the long set alone.
if (process.env['SOTTO_LONG'] !== undefined) {
  describe.skipIf(dataFolder === undefined)('demonstrations that end with a report (SOTTO_DATA)', () => {
    test(
      'the hospitals’: the noise on its accuracy is small beside chance, what is too small is silent',
      { timeout: 400_000 },
      async () => {
        const { code, figures, said } = await run(['hospitals', '--report', '--data', resolve(dataFolder ?? '')]);
        expect(code, said).toBe(0);
        const report = reportSchema.parse(
          JSON.parse(await readFile(join(dirname(String(figures['report'])), 'report.json'), 'utf8')),
        );
        const accuracy = report.measures[0]?.figures.find(({ name }) => name === 'performance.accuracy')?.figure;
        expect(accuracy?.noiseHalfWidth).toBeLessThanOrEqual(0.08);
        expect(report.budgets.map(({ field, epsilon, account }) => [field, epsilon, account])).toEqual([
          ['epsilon', 1, 'train'],
          ['reportEpsilon', 1, 'test'],
        ]);
        const { detail } = report.measures.find(({ kind }) => kind === 'clients')!;
        const clients = detail['clients'] as { accuracy: { figure: object | null; withheld: string | null } }[];
        expect(clients).toHaveLength(4);
        expect(clients.every(({ accuracy: own }) => (own.figure === null) !== (own.withheld === null))).toBe(true);
        expect(report.withheld.map(({ name }) => name)).toContain('permutation.chol.drop');
      },
    );

    test('the banks’: the gap between men and women is not met', { timeout: 600_000 }, async () => {
      const { code, figures, said } = await run(['bank', '--data', resolve(dataFolder ?? '')]);
      expect(code, said).toBe(0);
      expect(Number(figures['togetherAccuracy'])).toBeGreaterThan(0.82);
      const report = reportSchema.parse(
        JSON.parse(await readFile(join(dirname(String(figures['report'])), 'report.json'), 'utf8')),
      );
      const verdictOf = (figure: string) => report.thresholds.find((one) => one.figure === figure)?.verdict;
      expect(verdictOf('performance.accuracy')).toBe('met');
      expect(verdictOf('fairness.sex.demographicParity')).toBe('notMet');
      expect(report.remedies.map(({ figure }) => figure)).toContain('fairness.sex.demographicParity');
    });
  });
}

/** What every demonstration's last line holds. */
async function checkFigures(figures: Readonly<Record<string, unknown>>): Promise<void> {
  expect(Object.keys(figures)).toEqual(
    expect.arrayContaining([
      'aloneAccuracy',
      'togetherAccuracy',
      'epsilon',
      'rounds',
      'secondsPerRound',
      'bytesPerClient',
      'replayMatches',
      'modelHash',
    ]),
  );
  const { aloneAccuracy, togetherAccuracy, secondsPerRound, bytesPerClient, replayMatches, modelHash, model } = figures;
  expect(Number(togetherAccuracy)).toBeGreaterThan(Number(aloneAccuracy));
  expect(Number(togetherAccuracy)).toBeLessThanOrEqual(1);
  expect(Number(secondsPerRound)).toBeGreaterThan(0);
  expect(Number(bytesPerClient)).toBeGreaterThan(10_000);
  expect(replayMatches).toBe(true);
  expect(modelHash).toMatch(/^[0-9a-f]{64}$/);
  const file = String(model);
  expect(isAbsolute(file) && file.startsWith(folder), file).toBe(true);
  const { metadata } = decodeSafetensors(await readFile(file));
  expect(metadata['modelHash']).toBe(modelHash);
  expect(await readFile(String(figures['card']), 'utf8')).toContain(
    `this card is about model \`${String(modelHash)}\``,
  );
  expect(await readFile(String(figures['card']), 'utf8')).toContain('A demonstration: one person holds the keys');
  expect((await stat(join(folder, '.sotto'))).isDirectory()).toBe(true);
}

async function run(words: readonly string[]) {
  const { code, out, err } = await start(['node', demo, ...words, '--json', '--once'], { cwd: folder }).ended;
  const last = out.trim().split('\n').at(-1) ?? '';
  const figures = (last.startsWith('{') ? JSON.parse(last) : {}) as Readonly<Record<string, unknown>>;
  return { code, figures, said: `${out}${err}` };
}
