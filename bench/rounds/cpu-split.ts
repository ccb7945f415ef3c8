import { Session, type Profiler } from 'node:inspector/promises';

export type CpuSplit = {
  readonly clientSeconds: number;
  readonly coordinatorSeconds: number;
  /** Simulated network, garbage collection, and what belongs to neither. */
  readonly restSeconds: number;
};

const clientFiles = /client-sdk\/|shared\/(src|dist)\/(queries\/|secure-sum\/client-)/;
const coordinatorFiles = /coordinator\/(src|dist)\/|secure-sum\/(coordinator|verify-message|recover)/;

/** Runs some work under the sampling profiler and says whose code the samples fell into: the innermost frame that tells. */
export async function cpuByRole(work: () => Promise<void>): Promise<CpuSplit> {
  const session = new Session();
  session.connect();
  try {
    await session.post('Profiler.enable');
    await session.post('Profiler.setSamplingInterval', { interval: 500 });
    await session.post('Profiler.start');
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    const { profile } = await session.post('Profiler.stop');
    return splitOf(profile, (user + system) / 1e6);
  } finally {
    session.disconnect();
  }
}

/** Divides the CPU time by the samples: a sample's own time also holds what other processes took meanwhile. */
function splitOf(profile: Profiler.Profile, cpuSeconds: number): CpuSplit {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)),
  );
  const roleOf = (id: number): 'client' | 'coordinator' | 'rest' | 'idle' => {
    if (nodes.get(id)?.callFrame.functionName === '(idle)') return 'idle';
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const url = nodes.get(at)?.callFrame.url ?? '';
      if (clientFiles.test(url)) return 'client';
      if (coordinatorFiles.test(url)) return 'coordinator';
    }
    return 'rest';
  };
  const roles = new Map(profile.nodes.map(({ id }) => [id, roleOf(id)]));
  const seconds = { client: 0, coordinator: 0, rest: 0, idle: 0 };
  const { samples = [], timeDeltas = [] } = profile;
  samples.forEach((id, index) => {
    seconds[roles.get(id) ?? 'rest'] += (timeDeltas[index + 1] ?? 0) / 1e6;
  });
  const scale = cpuSeconds / (seconds.client + seconds.coordinator + seconds.rest);
  return {
    clientSeconds: seconds.client * scale,
    coordinatorSeconds: seconds.coordinator * scale,
    restSeconds: seconds.rest * scale,
  };
}
