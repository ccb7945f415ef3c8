import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import * as adultFairness from './adult-fairness.ts';
import * as adversarialTraining from './adversarial-training.ts';
import * as dataAdequacy from './data-adequacy.ts';
import * as heartFairness from './heart-fairness.ts';
import * as heartImportance from './heart-importance.ts';
import * as membership from './membership.ts';
import * as overfitting from './overfitting.ts';
import * as participationGap from './participation-gap.ts';
import * as reportCost from './report-cost.ts';

/** An experiment on real data, run: what it found, as JSON and in words. */
type Found = { readonly result: unknown; readonly words: string };

function experiment<Result>(of: {
  readonly about: string;
  readonly run: (seeds: readonly number[]) => Promise<Result>;
  readonly words: (result: Result) => string;
}): { readonly about: string; readonly run: (seeds: readonly number[]) => Promise<Found> } {
  return {
    about: of.about,
    run: async (seeds) => {
      const result = await of.run(seeds);
      return { result, words: of.words(result) };
    },
  };
}

const experiments = {
  'adult-fairness': experiment(adultFairness),
  'adversarial-training': experiment(adversarialTraining),
  'data-adequacy': experiment(dataAdequacy),
  'heart-fairness': experiment(heartFairness),
  'heart-importance': experiment(heartImportance),
  membership: experiment(membership),
  overfitting: experiment(overfitting),
  'participation-gap': experiment(participationGap),
  'report-cost': experiment(reportCost),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '3' },
    out: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
const [name = ''] = positionals;
const chosen = Object.entries(experiments).find(([known]) => known === name)?.[1];
if (values.help || chosen === undefined) {
  console.log(`npm run bench -- judging NAME [--json] [--seeds 3] [--out bench/results/judging.json]

Experiments on how models are judged, through the whole pipeline in simulation. With --out the result becomes a key of the file; others stay.
${Object.entries(experiments)
  .map(([known, { about }]) => `  ${known}: ${about}`)
  .join('\n')}`);
  process.exitCode = values.help ? 0 : 2;
} else {
  const seeds = Array.from({ length: Number(values.seeds) }, (_, index) => index + 1);
  const { result, words } = await chosen.run(seeds);
  if (values.out !== undefined) {
    const known = existsSync(values.out)
      ? (JSON.parse(readFileSync(values.out, 'utf8')) as Record<string, unknown>)
      : {};
    mkdirSync(dirname(values.out), { recursive: true });
    writeFileSync(
      values.out,
      `${JSON.stringify({ ...known, [name]: { seeds, node: process.version, result } }, null, 2)}\n`,
    );
  }
  console.log(values.json ? JSON.stringify(result) : words);
}
