import { ed25519 } from '@noble/curves/ed25519.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { toHex, utf8 } from '../../vector/index.ts';
import type { DataSchema } from '../data-schema.ts';
import { completePlan, type PlanDraft } from '../complete-plan.ts';
import type { Plan, PlanInput, RosterClient } from '../plan-schema.ts';

/** A client of tests: its roster entry and the secret seed of its identity key, hex. */
export type ExampleClient = RosterClient & { readonly seed: string };

/** What may differ between example plans; everything else is fixed. */
export type ExamplePlanOptions = {
  /** Number of clients; those of {@link exampleClients}. Default 3. */
  readonly clients?: number;
  /** Other roster entries than {@link exampleClients}, in any order. */
  readonly roster?: readonly RosterClient[];
  /** Authority's public key, hex; by default that of {@link exampleAuthority}. */
  readonly authority?: string;
  /** digits: 64 pixels, ten classes, an MLP. hospitals: 13 findings, a logistic regression. Default hospitals. */
  readonly data?: 'digits' | 'hospitals';
  /** Units of the hidden layer of digits. Default 32. */
  readonly hidden?: number;
  readonly trust?: Plan['trust'];
  /** Of `grouped` mode. Default: groups of three. */
  readonly groups?: Plan['cohort']['groups'];
  readonly privacy?: 'dp' | 'none';
  /** client trains by `update` and FedAvg, record by `gradient` and FedSGD. Default record. */
  readonly unit?: Plan['unit'];
  readonly rounds?: number;
  /** Evaluate every so many rounds on a fifth of the units; null for no evaluation. Default 2. */
  readonly evaluateEvery?: number | null;
  readonly spareAttempts?: number;
  readonly minSurvivors?: number;
  readonly colluding?: number;
  readonly paceMs?: number;
  readonly deadlines?: PlanInput['deadlines'];
  /** Noise multipliers; both 16 by default, which keeps ε below 3 for 90 rounds. Each ε is accounted from them. */
  readonly noise?: { readonly training?: number; readonly evaluation?: number };
  /** Fields of the draft to replace, before ε is accounted. */
  readonly overrides?: Partial<PlanDraft>;
};

/** A client of tests by its number from 0: the same identity key everywhere. Never for real use: the seed is public. */
export function exampleClient(index: number): ExampleClient {
  const { publicKey, seed } = keyOf(`sotto example client ${index}`);
  return { client: toHex(sha256(publicKey)).slice(0, 40), name: `client ${index}`, identity: toHex(publicKey), seed };
}

/** Clients 0 … count - 1, sorted by id as a roster is. */
export function exampleClients(count: number): readonly ExampleClient[] {
  return Array.from({ length: count }, (_, index) => exampleClient(index)).sort((a, b) =>
    a.client < b.client ? -1 : 1,
  );
}

/** The authority of tests: public key and secret seed, hex. Never for real use: the seed is public. */
export function exampleAuthority(): { readonly publicKey: string; readonly seed: string } {
  const { publicKey, seed } = keyOf('sotto example authority');
  return { publicKey: toHex(publicKey), seed };
}

/**
 * A complete plan that passes its check, for tests: without a warning but the one that every plan of several clients has and, of hospitals, that 0
 * and the like may stand for a missing value.
 */
export function examplePlan(options: ExamplePlanOptions = {}): Plan {
  const { data = 'hospitals', unit = 'record', privacy = 'dp', rounds = 4, evaluateEvery = 2 } = options;
  const roster = options.roster ?? exampleClients(options.clients ?? 3);
  const clients = [...roster]
    .sort((a, b) => (a.client < b.client ? -1 : 1))
    .map(({ client, name, identity }) => ({ client, name, identity }));
  const trust = options.trust ?? 'secure';
  const groups = trust === 'grouped' ? (options.groups ?? { size: 3 }) : undefined;
  const secret = trust === 'secure' || trust === 'grouped';
  const colluding = options.colluding ?? (secret ? 1 : 0);
  // Of the largest group.
  const cohort = Math.ceil(clients.length / Math.floor(clients.length / (groups?.size ?? clients.length)));
  const threshold = secret ? Math.floor((2 * cohort) / 3) + 1 : 1;
  const dp = privacy === 'dp';
  const noiseOf = (slot: 'training' | 'evaluation') => (dp ? { noiseMultiplier: options.noise?.[slot] ?? 16 } : {});
  return completePlan({
    version: 1,
    name: `example ${data}`,
    purpose: 'A plan for tests.',
    authority: options.authority ?? exampleAuthority().publicKey,
    trust,
    roster: { kind: 'pinned', clients },
    ...(data === 'digits' ? digits(options.hidden ?? 32) : hospitals),
    initialWeights: { generator: 'glorot-uniform-v1', seed: '00112233445566778899aabbccddeeff'.repeat(2) },
    unit,
    adjacency: 'addOrRemove',
    split: { validation: evaluateEvery === null ? 0 : 0.2, test: 0 },
    cohort: {
      minSurvivors: options.minSurvivors ?? Math.max(threshold, colluding + (secret ? 2 : 1)),
      colluding,
      ...(groups === undefined ? {} : { groups }),
    },
    privacy: dp ? { kind: 'dp', delta: 1e-5 } : { kind: 'none' },
    training: {
      ...(unit === 'record' ? jointSgd : localSgd),
      rounds,
      paceMs: options.paceMs ?? 20,
      ...noiseOf('training'),
    },
    evaluation:
      evaluateEvery === null
        ? null
        : { every: evaluateEvery, part: 'validation', detail: 'accuracy', lossMax: 4, ...noiseOf('evaluation') },
    spareAttempts: options.spareAttempts ?? 2,
    ...(options.deadlines === undefined ? {} : { deadlines: options.deadlines }),
    ...options.overrides,
  } satisfies PlanDraft);
}

const jointSgd = {
  query: { kind: 'gradient', samplingNumerator: 2 ** 30, clipNormL2: 0.5, expectedBatch: 100 },
  strategy: { kind: 'fedSgd', learningRate: 1 },
} as const;

const localSgd = {
  query: { kind: 'update', clipNormL2: 1, localEpochs: 2, batchSize: 16, learningRate: 0.1 },
  strategy: { kind: 'fedAvg' },
} as const;

function digits(hidden: number) {
  const columns = Array.from({ length: 64 }, (_, pixel) => number(`p${pixel}`, 0, 16, 8, 8));
  return {
    schema: {
      name: 'digits',
      unitId: 'row_id',
      columns,
      target: { kind: 'classes', column: 'label', values: [...'0123456789'] },
    } satisfies DataSchema,
    topology: {
      layers: [
        { kind: 'dense', units: hidden, activation: 'tanh' },
        { kind: 'dense', units: 10, activation: 'linear' },
      ],
    },
    loss: 'categoricalCrossEntropy',
  } as const satisfies Partial<PlanInput>;
}

const hospitals = {
  schema: {
    name: 'heart disease',
    unitId: 'row_id',
    columns: [
      number('age', 0, 120, 55, 10),
      number('trestbps', 0, 300, 130, 20),
      number('chol', 0, 1_000, 220, 60),
      number('thalach', 0, 300, 140, 25),
      number('oldpeak', -10, 10, 1, 1),
      ...['sex', 'fbs', 'exang', 'cp_2', 'cp_3', 'cp_4', 'restecg_1', 'restecg_2'].map((name) =>
        number(name, 0, 1, 0.5, 0.5),
      ),
    ],
    target: { kind: 'binary', column: 'label', positive: '1', negative: '0' },
  } satisfies DataSchema,
  topology: { layers: [{ kind: 'dense', units: 1, activation: 'linear' }] },
  loss: 'binaryCrossEntropy',
} as const satisfies Partial<PlanInput>;

function number(name: string, min: number, max: number, centre: number, scale: number) {
  return {
    kind: 'number',
    name,
    min,
    max,
    transform: 'identity',
    centre,
    scale,
    fill: null,
    missing: [] as string[],
  } as const;
}

const keys = new Map<string, { readonly publicKey: Uint8Array; readonly seed: string }>();

function keyOf(text: string): { readonly publicKey: Uint8Array; readonly seed: string } {
  const seed = sha256(utf8(text));
  const known = keys.get(text) ?? { publicKey: ed25519.getPublicKey(seed), seed: toHex(seed) };
  keys.set(text, known);
  return known;
}
