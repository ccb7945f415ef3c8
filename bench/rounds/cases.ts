import { SottoError } from '@sotto/shared/errors';
import { benchCsv, benchDraft, benchPolicy, benchSchema } from './bench-plan.ts';
import { hospitals } from './hospitals.ts';
import { clientInstallBytes } from './install-size.ts';
import { networkRounds, type NetworkTimes } from './network-rounds.ts';
import { simulationCpu, simulationRounds, type SimulationTerms } from './simulation-rounds.ts';

/** One figure of a row: its samples, and the bound that their median is held to. */
export type Measured = {
  readonly name: string;
  readonly unit: 's' | 'CPU s' | 'rounds/s' | 'MB';
  readonly samples: readonly number[];
  readonly goal: number;
  /** Whether less is better. */
  readonly atMost: boolean;
};

export type RoundsCase = {
  readonly id: string;
  readonly what: string;
  readonly measure: (quick: boolean) => Promise<readonly Measured[]>;
};

const megabyte = 1e6;

function simulation(id: string, terms: Omit<SimulationTerms, 'rounds'>, goal: number, rounds: number): RoundsCase {
  const { clients, lost, trust, privacy } = terms;
  const how = privacy === 'dp' ? 'distributed noise' : 'no privacy';
  return {
    id,
    what: `simulation, ${clients} clients, ${lost} lost after sharing, ${trust}, ${how}, 99,985 parameters`,
    measure: async (quick) => {
      const { rounds: samples, cpuPerRound } = await simulationRounds({ ...terms, rounds: quick ? 4 : rounds }, id);
      return [
        { name: 'round', unit: 's', samples, goal, atMost: true },
        {
          name: 'CPU a round, all clients and the coordinator',
          unit: 'CPU s',
          samples: [cpuPerRound],
          goal: Infinity,
          atMost: true,
        },
      ];
    },
  };
}

function network(
  nodes: number,
  rounds: number,
  watchMemory: boolean,
  suite: 'x25519' | 'x25519+mlkem768' = 'x25519',
): Promise<NetworkTimes> {
  return networkRounds(
    {
      schema: benchSchema,
      policy: benchPolicy,
      nodes: Array.from({ length: nodes }, (_, index) => ({ name: `node-${index}`, data: benchCsv(index) })),
    },
    benchDraft({ suite, trust: 'secure', privacy: 'dp', rounds, minSurvivors: nodes }),
    watchMemory,
  );
}

/** Every figure of the table, the quick ones first. */
export const roundsCases: readonly RoundsCase[] = [
  {
    id: 'install',
    what: "what installing a silo's node puts on its disk: @sotto/client and its dependencies",
    measure: async () => [
      { name: 'size', unit: 'MB', samples: [clientInstallBytes() / megabyte], goal: 200, atMost: true },
    ],
  },
  simulation('simulation-trusted-10', { clients: 10, lost: 0, trust: 'trusted', privacy: 'none' }, 0.05, 12),
  simulation('simulation-trusted-100', { clients: 100, lost: 0, trust: 'trusted', privacy: 'none' }, 0.18, 8),
  simulation('simulation-secure-10', { clients: 10, lost: 0, trust: 'secure', privacy: 'dp' }, 0.2, 12),
  simulation('simulation-secure-30', { clients: 30, lost: 0, trust: 'secure', privacy: 'dp' }, 0.8, 8),
  simulation('simulation-secure-30-lost', { clients: 30, lost: 3, trust: 'secure', privacy: 'dp' }, 0.8, 8),
  {
    id: 'simulation-secure-100',
    what: 'simulation, 100 clients, secure, distributed noise, 99,985 parameters; CPU by a sampling profiler',
    measure: async () => {
      const terms = { clients: 100, lost: 0, trust: 'secure', privacy: 'dp', rounds: 2 } as const;
      const { clientSeconds, coordinatorSeconds } = await simulationCpu(terms, 'simulation-secure-100');
      return [
        { name: 'CPU a client and round', unit: 'CPU s', samples: [clientSeconds], goal: 0.25, atMost: true },
        {
          name: 'CPU of the coordinator a round',
          unit: 'CPU s',
          samples: [coordinatorSeconds],
          goal: 0.5,
          atMost: true,
        },
      ];
    },
  },
  {
    id: 'network-5',
    what: 'coordinator and 5 nodes as processes, TLS, secure, distributed noise, 99,985 parameters',
    measure: async (quick) => {
      const timed = await network(5, quick ? 6 : 30, false);
      const { memory } = await network(5, quick ? 6 : 12, true);
      return [
        { name: 'round', unit: 's', samples: timed.rounds, goal: 0.25, atMost: true },
        { name: 'memory (PSS)', unit: 'MB', samples: [(memory ?? 0) / megabyte], goal: 600, atMost: true },
        { name: 'start to first release', unit: 's', samples: [timed.startToFirst], goal: Infinity, atMost: true },
      ];
    },
  },
  {
    id: 'network-5-hybrid',
    what: 'the same with the default suite, X25519 and ML-KEM-768',
    measure: async (quick) => {
      const { rounds } = await network(5, quick ? 6 : 30, false, 'x25519+mlkem768');
      return [{ name: 'round', unit: 's', samples: rounds, goal: 0.25, atMost: true }];
    },
  },
  {
    id: 'network-10-start',
    what: 'coordinator and 10 nodes as processes, TLS, secure: nothing running to the first release',
    measure: async (quick) => {
      const samples: number[] = [];
      for (let run = 0; run < (quick ? 1 : 3); run++) samples.push((await network(10, 3, false)).startToFirst);
      return [{ name: 'start to first release', unit: 's', samples, goal: 5, atMost: true }];
    },
  },
  {
    id: 'network-hospitals',
    what: 'four hospitals over TLS, secure, record ε = 1, logistic regression, 100 rounds',
    measure: async () => {
      const federation = hospitals();
      if (federation === null) throw new SottoError('FILE_NOT_FOUND', 'heart-4-hospitals/data.csv: set SOTTO_DATA');
      const { rounds } = await networkRounds(federation.config, federation.draft, false);
      return [
        { name: 'rounds', unit: 'rounds/s', samples: rounds.map((seconds) => 1 / seconds), goal: 4, atMost: false },
      ];
    },
  },
];
