import { createSeededRandom } from '../../random/index.ts';
import { cohortFault, colludersTolerated, thresholdFor, type SumRules } from '../index.ts';
import { testCohort, testHeader, type TestCohort } from '../testing/harness.ts';
import { createSymbolicCrypto } from './symbolic-crypto.ts';

/** What is explored. */
export type Setting = {
  /** Clients of the plan's roster. */
  readonly n: number;
  /** Sessions that may be open at once, each with its own keys: 1 or 2 attempts of one round. */
  readonly attempts: 1 | 2;
  /** Whether a client waits for t signatures on the sets that it signed before it opens its shares. */
  readonly agree: boolean;
  /** `all`: every roster that a client takes. `whole`: one roster of everybody, and everybody deals. */
  readonly rosters: 'all' | 'whole';
  /** Default: the least that the rules allow with their most colluders. */
  readonly minSurvivors?: number;
  /** Colluders more than the rules allow, to see that the check can fail. Default 0. */
  readonly colludersBeyond?: number;
};

/** The plan's numbers: as many colluders as it may name with this noise floor, or with the smallest one that it then may have. */
export function rulesOf(setting: Setting): { readonly colluding: number; readonly minSurvivors: number } {
  const { colluding, minSurvivors } = hardestRules(setting.n);
  return { colluding, minSurvivors: setting.minSurvivors ?? minSurvivors };
}

/** The most colluders that a plan for `n` clients may name, with the smallest noise floor that it then may have. */
export function hardestRules(n: number): { readonly colluding: number; readonly minSurvivors: number } {
  for (let colluding = Math.min(colludersTolerated(n), n - 2); colluding >= 0; colluding--) {
    const minSurvivors = Math.max(thresholdFor(n), colluding + 2);
    if (cohortFault(n, minSurvivors, colluding) === null) return { colluding, minSurvivors };
  }
  throw new Error(`no plan for ${n} clients`);
}

/** A cohort of which the last clients are the attacker's. Which ones they are makes no difference but to names. */
export type Field = {
  readonly setting: Setting;
  readonly rules: SumRules;
  /** One cohort for each attempt: the same identities under another header. */
  readonly attempts: readonly TestCohort[];
  readonly clients: readonly string[];
  readonly honest: number;
  readonly ports: {
    readonly crypto: ReturnType<typeof createSymbolicCrypto>;
    readonly random: ReturnType<typeof createSeededRandom>;
  };
};

export async function createField(setting: Setting): Promise<Field> {
  const crypto = createSymbolicCrypto();
  const { colluding, minSurvivors } = rulesOf(setting);
  const attempts = [];
  // The second attempt's messages are tried in the first also where one attempt alone is explored.
  for (const attempt of [1, 2]) {
    attempts.push(
      await testCohort(setting.n, crypto, {
        header: testHeader(1, { suite: 'x25519', attempt }),
        minSurvivors,
        colluding,
      }),
    );
  }
  return {
    setting,
    rules: attempts[0]!.rules,
    attempts,
    clients: attempts[0]!.identities.map(({ client }) => client),
    honest: setting.n - colluding - (setting.colludersBeyond ?? 0),
    ports: { crypto, random: createSeededRandom(`model of ${setting.n}`) },
  };
}
