import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { roundsCases } from './cases.ts';

/** A row of ours and the same work on a peer. */
type Pair = {
  readonly ours: string;
  readonly peer: string;
  readonly workload: string;
  readonly only: string;
  /** It takes minutes: one turn is enough where its rounds are many times ours. */
  readonly slow?: boolean;
};

const pairs: readonly Pair[] = [
  { ours: 'simulation-trusted-10', peer: 'flower', workload: 'W1', only: 'simulation-10' },
  { ours: 'simulation-trusted-100', peer: 'flower', workload: 'W1', only: 'simulation-100' },
  { ours: 'simulation-secure-10', peer: 'flower', workload: 'W2', only: 'secagg-10-drop0' },
  { ours: 'simulation-secure-30', peer: 'flower', workload: 'W2', only: 'secagg-30-drop0' },
  { ours: 'simulation-secure-30-lost', peer: 'flower', workload: 'W2', only: 'secagg-30-drop3' },
  { ours: 'network-5', peer: 'flower', workload: 'W1', only: 'network-5', slow: true },
  { ours: 'simulation-trusted-10', peer: 'pfl', workload: 'W1', only: 'simulation-10' },
  { ours: 'simulation-trusted-100', peer: 'pfl', workload: 'W1', only: 'simulation-100' },
  { ours: 'simulation-trusted-10', peer: 'nvflare', workload: 'W1', only: 'simulation-10', slow: true },
  { ours: 'network-5', peer: 'nvflare', workload: 'W1', only: 'network-5', slow: true },
  // Their hospitals are simulated; ours are processes that speak TLS.
  { ours: 'network-hospitals', peer: 'flower', workload: 'W3', only: 'record-dp-eps1', slow: true },
  { ours: 'network-hospitals', peer: 'nvflare', workload: 'W3', only: 'record-dp-eps1', slow: true },
];

export type Compared = Pair & {
  /** Seconds a round, in the order in which they were taken: ours, theirs, ours, theirs … */
  readonly oursS: readonly number[];
  readonly theirsS: readonly number[];
  /** Theirs / ours: of the medians, and of the pair that was worst for us. */
  readonly ratioOfMedians: number;
  readonly worstRatio: number;
};

/** The folder of the peers' drivers, or null where it is not. */
export function peersFolder(): string | null {
  const shared = process.env['SOTTO_SHARED'];
  const folder = shared === undefined ? null : join(shared, 'peers');
  return folder !== null && existsSync(join(folder, 'run')) ? folder : null;
}

/** Runs each chosen row of ours and its peer in turn, so that a slow minute hurts both alike. */
export async function compareWithPeers(
  folder: string,
  chosen: readonly string[] | undefined,
  repeats: number,
  say: (text: string) => void,
): Promise<readonly (Compared | (Pair & { readonly failed: string }))[]> {
  const results: (Compared | (Pair & { readonly failed: string }))[] = [];
  for (const pair of pairs) {
    if (chosen !== undefined && !chosen.includes(pair.ours)) continue;
    const row = roundsCases.find(({ id }) => id === pair.ours);
    if (row === undefined) continue;
    const oursS: number[] = [];
    const theirsS: number[] = [];
    try {
      const turns = pair.slow === true ? Math.min(1, repeats) : repeats;
      for (let turn = 0; turn < turns; turn++) {
        // The first figure of a row is its round.
        const [figure] = await row.measure(true);
        const seconds = median(figure?.samples ?? []);
        oursS.push(figure?.unit === 'rounds/s' ? 1 / seconds : seconds);
        theirsS.push(peerRound(folder, pair));
      }
    } catch (error) {
      const failed = (error instanceof Error ? error.message : String(error)).slice(0, 300);
      say(`${pair.ours} against ${pair.peer} ${pair.only}: ${failed}`);
      results.push({ ...pair, failed });
      continue;
    }
    const ratioOfMedians = median(theirsS) / median(oursS);
    const worstRatio = Math.min(...theirsS.map((theirs, turn) => theirs / (oursS[turn] ?? Number.NaN)));
    say(
      `${pair.ours}: ${median(oursS).toFixed(3)} s, ${pair.peer} ${pair.only}: ${median(theirsS).toFixed(3)} s, ` +
        `${ratioOfMedians.toFixed(1)} times (worst pair ${worstRatio.toFixed(1)})`,
    );
    results.push({ ...pair, oursS, theirsS, ratioOfMedians, worstRatio });
  }
  return results;
}

type Spread = { readonly median?: number };
type PeerFigures = { readonly laterRoundPeriodS?: Spread; readonly laterRoundS?: Spread };

function peerRound(folder: string, { workload, peer, only }: Pair): number {
  const done = spawnSync(join(folder, 'run'), [workload, peer, '--only', only], { encoding: 'utf8', timeout: 600_000 });
  for (const line of (done.stdout ?? '').trim().split('\n').reverse()) {
    if (!line.startsWith('{')) continue;
    const { status, figures } = JSON.parse(line) as { status: string; figures?: PeerFigures };
    // From result to result where the driver measures it, else the peer's own span of a round.
    const round = figures?.laterRoundPeriodS?.median ?? figures?.laterRoundS?.median;
    if (status === 'ok' && round !== undefined) return round;
  }
  throw new Error(`${peer} ${only} gave no figure (status ${done.status})`);
}

function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}
