import { auditPlan, roundedDown, roundedUp, type AuditReport } from '@sotto/shared/audit';
import { createNodeCrypto, createNodeRandom } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { checkPlan, checkThresholds, findingText, planHashOf, type Plan } from '@sotto/shared/plan';
import { createSeededRandom } from '@sotto/shared/random';
import { toHex } from '@sotto/shared/vector';
import type { CommandResult } from './command-result.ts';
import { readPlan } from './read-plan.ts';

export type AuditFlags = {
  readonly canaries?: number;
  readonly guesses?: number;
  readonly significance?: number;
  readonly roundsLimit?: number;
  readonly seed?: string;
  readonly direct?: boolean;
};

/** Sizes that find halved noise in about four of five runs at ε from 1 to 4; where a client is a canary, what takes minutes. */
const canariesByDefault = { record: 10_000, client: 1_000 } as const;

/** A finished audit; `violation` is what the process ends with when the plan leaks more than it states. */
export type AuditOutcome = { readonly result: CommandResult; readonly violation: SottoError | null };

/** Attacks a plan's training with canaries. @throws {FILE_NOT_FOUND} {PLAN_INVALID} {PLAN_UNSIGNED} {NO_NOISE} {INVALID_INPUT} */
export async function auditFile(path: string, flags: AuditFlags, tell: (line: string) => void): Promise<AuditOutcome> {
  const { plan } = await readPlan(path);
  for (const problem of checkPlan(plan, [checkThresholds]).problems) tell(`The plan's check: ${findingText(problem)}`);
  const canaries = flags.canaries ?? canariesByDefault[plan.unit];
  const guesses = flags.guesses ?? Math.max(50, Math.floor(canaries / 20));
  const { seed = null } = flags;
  const canarySeed = seed ?? toHex(createNodeRandom().bytes(16));
  let told = 0;
  const report = await auditPlan(plan, {
    canaries,
    guesses,
    ...(flags.significance === undefined ? {} : { significance: flags.significance }),
    ...(flags.roundsLimit === undefined ? {} : { releasesLimit: flags.roundsLimit }),
    canaryRandom: createSeededRandom(`sotto audit/canaries/${canarySeed}`),
    random: seed === null ? createNodeRandom() : createSeededRandom(`sotto audit/devices/${seed}`),
    allowInsecureRandom: seed !== null,
    crypto: flags.direct === true ? null : createNodeCrypto(),
    onProgress: (done, all) => {
      const tenth = Math.floor((10 * done) / all);
      if (tenth > told) tell(`${done} of ${all} releases`);
      told = tenth;
    },
  });
  const planHash = planHashOf(plan);
  const violation =
    report.verdict === 'violation'
      ? new SottoError('AUDIT_VIOLATION', report.findings.join('; '), { findings: report.findings })
      : null;
  return {
    result: {
      lines: linesOf(plan, planHash, report, seed, canarySeed),
      json: { planHash, seed, canarySeed, ...report },
    },
    violation,
  };
}

function linesOf(plan: Plan, planHash: string, report: AuditReport, seed: string | null, canarySeed: string): string[] {
  const { noise, clients, dimension, releases, cohorts } = report;
  const sampled = report.samplingRate < 1 ? `, each unit taken with probability ${report.samplingRate}` : '';
  const replaced =
    dimension.audited === dimension.plan
      ? "the plan's own"
      : `another one stands for the plan's ${dimension.plan}, with a coordinate for each canary`;
  const noiseVerdict = noise.failed.length === 0 ? 'as planned' : `NOT as planned (${noise.failed.join(', ')})`;
  return [
    `Plan          ${plan.name}`,
    `Hash          ${planHash}`,
    `Audited       training by ${report.query}, unit ${report.unit}, clip ${report.clipNormL2}, noise multiplier ${report.noiseMultiplier}${sampled}`,
    `Releases      ${releases.run} of at most ${releases.most}${cohorts === 1 ? '' : `, in each of ${cohorts} cohorts`}`,
    `Cohort        ${clients.honest} honest, ${clients.colluding} colluding whose noise is subtracted, ${clients.lost} lost before the upload`,
    `Model         ${dimension.audited} coordinates: ${replaced}`,
    `Sums          ${report.sums === 'secure' ? 'by the secure sum, in memory' : 'added directly, without the secure sum'}`,
    seed === null
      ? `Randomness    the platform's CSPRNG; the canaries' coins from seed ${canarySeed}`
      : `Randomness    all from seed ${seed}: reproducible, and not what a run uses`,
    `Canaries      ${report.canaries}; ${report.guesses} guesses, ${report.correct} right`,
    `Noise         standard deviation ${noise.std.toPrecision(7)} steps, ${noise.expectedStd.toPrecision(7)} planned (${signedPercent(noise.stdError)}), ${noise.draws} draws: ${noiseVerdict}`,
    `Lower bound   ε ≥ ${roundedDown(report.epsilonLowerBound)} at significance ${report.significance}; no audit of this size shows more than ${roundedUp(report.ceiling)}`,
    `Accountant    ε ≤ ${roundedUp(report.epsilonAccounted)} for the audited releases (${report.accountant})`,
    `Plan states   ε = ${report.epsilonStated} at δ = ${report.delta}`,
    report.verdict === 'consistent'
      ? 'Verdict       consistent: nothing contradicts the plan. A correct one shows about half of its ε.'
      : `Verdict       VIOLATION: ${report.findings.join('; ')}`,
  ];
}

function signedPercent(share: number): string {
  return `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(2)} %`;
}
