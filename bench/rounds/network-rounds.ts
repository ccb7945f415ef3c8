import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LocalFederation, type LocalFederationConfig } from '@sotto/simulation/local';
import { SottoError } from '@sotto/shared/errors';
import { treeMemory } from './process-memory.ts';

export type NetworkTimes = {
  /** Release to release as a node hears of it, the first round left out; seconds. */
  readonly rounds: readonly number[];
  /** From the start of the first process to the first release; invitations, enrolment, signing and accounting included. */
  readonly startToFirst: number;
  /** Largest PSS of coordinator and nodes together, in bytes; null when it was not watched. */
  readonly memory: number | null;
};

const sampleMs = 250;

/**
 * One run over real sockets on this machine: a coordinator process with TLS and one process a node, on folders and SQLite
 * files of their own.
 *
 * @param watchMemory - sampling costs time, so rounds are timed without it.
 */
export async function networkRounds(
  config: Pick<LocalFederationConfig, 'schema' | 'policy' | 'nodes'>,
  draft: Readonly<Record<string, unknown>>,
  watchMemory: boolean,
): Promise<NetworkTimes> {
  const dir = await mkdtemp(join(tmpdir(), 'sotto-bench-'));
  const observer = config.nodes[0]!.name;
  const releases: number[] = [];
  let lastFailure = 'nothing';
  let end: (() => void) | null = null;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const federation = await LocalFederation.open({
    ...config,
    dir,
    onNodeLine: (node, line) => {
      if (line['outcome'] === 'failed' || line['type'] === 'refused') lastFailure = JSON.stringify(line);
      if (node !== observer) return;
      if (line['type'] === 'sessionClosed' && line['outcome'] === 'released') releases.push(performance.now());
      if (line['type'] === 'runEnded' || line['type'] === 'refused') end?.();
    },
  });
  let memory = 0;
  let sampler: ReturnType<typeof setInterval> | null = null;
  try {
    const begun = performance.now();
    await federation.startCoordinator();
    await federation.startNodes();
    if (watchMemory) {
      const processes = [federation.coordinator!, ...federation.nodes.values()].map(({ process }) => process.pid!);
      sampler = setInterval(() => (memory = Math.max(memory, treeMemory(processes))), sampleMs);
    }
    await federation.submit(draft);
    await ended;
    const [first] = releases;
    if (first === undefined || releases.length < 3) {
      throw new SottoError('RUN_FAILED', `network: ${releases.length} releases; last failure: ${lastFailure}`);
    }
    return {
      rounds: releases.slice(1).map((at, index) => (at - releases[index]!) / 1_000),
      startToFirst: (first - begun) / 1_000,
      memory: watchMemory ? memory : null,
    };
  } finally {
    if (sampler !== null) clearInterval(sampler);
    await federation.stop();
    await rm(dir, { recursive: true, force: true });
  }
}
