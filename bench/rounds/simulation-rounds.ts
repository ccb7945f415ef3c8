import { availableParallelism } from 'node:os';
import { noiseData, simulate, type SimulatedClientData } from '@sotto/simulation';
import { createNodeCrypto } from '@sotto/shared/crypto/node';
import { SottoError } from '@sotto/shared/errors';
import { benchPlan, benchSchema, rowsOfClient } from './bench-plan.ts';
import { cpuByRole, type CpuSplit } from './cpu-split.ts';

export type SimulationTerms = {
  readonly clients: number;
  readonly trust: 'secure' | 'trusted';
  readonly privacy: 'dp' | 'none';
  /** Clients that share their keys and then send nothing, every round. */
  readonly lost: number;
  readonly rounds: number;
};

export type SimulationTimes = {
  /** Result to result, the first round left out; seconds. */
  readonly rounds: readonly number[];
  /** CPU seconds of the whole process a round, the first left out. */
  readonly cpuPerRound: number;
};

/**
 * Rounds of a federation in one process: the product's machines, protocol and checks, on a virtual clock. Nothing is remembered
 * between clients: each verifies every signature that it would on a machine of its own. The work on data and long vectors is dealt
 * among the machine's cores, as the peers do with processes.
 */
export async function simulationRounds(terms: SimulationTerms, seed: string): Promise<SimulationTimes> {
  const begun: number[] = [];
  const cpu: number[] = [];
  await run(terms, seed, availableParallelism(), () => {
    begun.push(performance.now());
    const { user, system } = process.cpuUsage();
    cpu.push((user + system) / 1e6);
  });
  // Every round's work is asked of the first client once, at the same place: what lies between is a round.
  const rounds = begun.slice(1).map((at, index) => (at - begun[index]!) / 1_000);
  const measured = rounds.slice(1);
  return { rounds: measured, cpuPerRound: (cpu.at(-1)! - cpu[1]!) / measured.length };
}

/** CPU seconds of one round for a client and for the coordinator, by where a sampling profiler finds the process. All work is done where
 * it is asked for, on one thread. */
export async function simulationCpu(terms: SimulationTerms, seed: string): Promise<CpuSplit> {
  const { clientSeconds, coordinatorSeconds, restSeconds } = await cpuByRole(() =>
    run(terms, seed, null, () => undefined),
  );
  return {
    clientSeconds: clientSeconds / terms.rounds / terms.clients,
    coordinatorSeconds: coordinatorSeconds / terms.rounds,
    restSeconds: restSeconds / terms.rounds,
  };
}

async function run(terms: SimulationTerms, seed: string, threads: number | null, onRound: () => void): Promise<void> {
  const { clients: count, lost, rounds, trust, privacy } = terms;
  const result = await simulate({
    seed,
    clients: Array.from({ length: count }, (_, index) =>
      clientOf(index, index >= count - lost, index === 0 ? onRound : null),
    ),
    plan: (roster, authority) =>
      benchPlan({ trust, privacy, rounds, minSurvivors: count - lost }, [...roster], authority),
    crypto: createNodeCrypto({ rememberSignatures: false }),
    checkSums: false,
    ...(threads !== null && { threads }),
  });
  const { status } = result;
  if (status.state !== 'finished' || status.failedAttempts > 0) {
    throw new SottoError(
      'RUN_FAILED',
      `${count} clients: ${status.state} in round ${status.round}: ${status.reason ?? ''}`,
    );
  }
}

function clientOf(index: number, lost: boolean, onRound: (() => void) | null): SimulatedClientData {
  const data = noiseData(benchSchema, rowsOfClient, String(index));
  const name = `client-${index}`;
  // A client that is lost after sharing: its data never come, so it uploads nothing, in any round.
  if (lost) return { name, data: { ...data, unitsOf: () => new Promise(() => undefined) } };
  if (onRound === null) return { name, data };
  return {
    name,
    data: {
      ...data,
      unitsOf: (part, split) => {
        onRound();
        return data.unitsOf(part, split);
      },
    },
  };
}
