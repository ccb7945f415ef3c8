import { SottoError } from '@sotto/shared/errors';
import { initialWeights, referenceModel, selectUnits, type LocalModel, type UnitBatch } from '@sotto/shared/model';
import { reasonOf, startLimitMs, withinLimit, type DeviceWish, type Engine, type EngineCandidate } from './engine.ts';
import { inFixedRows } from './fixed-rows.ts';
import { createTfjsModel, type ModelSpec } from './tfjs-model.ts';

/** Rows of the trial batch; as many as pass through the model at once. */
const trialRows = 256;

/** Time that a candidate's passes may take when it has been started, in milliseconds; one that is over its time ends its pass. */
const trialMs = 40;

/** Shortest pass from whose time a longer one's is told, in milliseconds. */
const tellingMs = 8;

/** How one candidate fared. */
export type EngineTrial = {
  readonly engine: string;
  readonly device: 'gpu' | 'cpu';
  /** Milliseconds for 256 rows, forward and backward; null where it was not timed. */
  readonly ms: number | null;
  /** Why it was not taken; null for the one that was. */
  readonly refused: string | null;
};

/** Which engine computes a run's local model, and why. For the own screen; `deviceFacts` says what of it others may be told. */
export type EngineChoice = {
  readonly engine: string;
  readonly device: 'gpu' | 'cpu';
  readonly reason: string;
  /** Rows a second in the trial; null where there was none. */
  readonly rowsPerSecond: number | null;
  /** Every candidate in the order of its trial; empty where there was none. */
  readonly trials: readonly EngineTrial[];
};

export type EngineSearch = {
  /** What this platform may have. Plain typed arrays, which always work, are tried besides. */
  readonly candidates: readonly EngineCandidate[];
  readonly device?: DeviceWish;
  /** Whether a row's result may depend on no other row: where each record is a unit of privacy. */
  readonly rowsApart: boolean;
  /** A monotonic clock, in milliseconds. */
  readonly nowMs: () => number;
  /** Longest wait for anything of an engine, in milliseconds. */
  readonly limitMs?: number;
};

type Tried = {
  readonly name: string;
  readonly device: 'gpu' | 'cpu';
  readonly ms: number;
  readonly model: LocalModel;
  readonly create: (spec: ModelSpec) => LocalModel;
};

/**
 * Starts what this machine has, times each on made-up rows of the plan's own topology, and keeps the quickest that computes each
 * row by itself; nothing of the data plays a part. What hangs, fails or is not allowed is passed over.
 *
 * @throws {UNSUPPORTED} when no engine of the wished device can be used; its message has every candidate's reason.
 */
export async function chooseEngine(
  spec: ModelSpec,
  search: EngineSearch,
): Promise<{ model: LocalModel; choice: EngineChoice }> {
  const { device = 'auto', limitMs = startLimitMs } = search;
  const refused: EngineTrial[] = [];
  const tried: Tried[] = [];
  const refuse = (engine: string, on: 'gpu' | 'cpu', reason: string, ms: number | null = null): void => {
    refused.push({ engine, device: on, ms, refused: reason });
  };
  const weights = initialWeights(spec.topology, spec.inputs, '00'.repeat(32));
  const time = async (name: string, on: 'gpu' | 'cpu', create: Tried['create'], startRows = 1): Promise<void> => {
    const model = create(spec);
    try {
      const ms = await withinLimit(trial(model, weights, spec, startRows, search.nowMs), limitMs);
      tried.push({ name, device: on, ms, model, create });
    } catch (error) {
      await model.dispose().catch(() => undefined);
      throw error;
    }
  };

  for (const candidate of search.candidates) {
    const { name, device: on } = candidate;
    if (device !== 'auto' && device !== on) {
      refuse(name, on, `it is no ${device}`);
    } else if (candidate.lastResort && tried.length > 0) {
      refuse(name, on, `not tried: ${tried[0]!.name} is quicker`);
    } else {
      try {
        // Loading its code may hang too, and is longer than starting it.
        const engine = await withinLimit(candidate.start(limitMs), 2 * limitMs);
        const { fixedRows } = candidate;
        await time(name, on, (one) => modelOn(engine, one, fixedRows), fixedRows && trialRows);
      } catch (error) {
        refuse(name, on, reasonOf(error));
      }
    }
  }
  if (device !== 'gpu') {
    await time(plainArrays, 'cpu', ({ topology, inputs, loss }) => referenceModel(topology, inputs, loss)).catch(
      (error: unknown) => refuse(plainArrays, 'cpu', reasonOf(error)),
    );
  }

  let chosen: Tried | null = null;
  for (const one of tried.sort((a, b) => a.ms - b.ms)) {
    if (chosen !== null) refuse(one.name, one.device, 'slower', one.ms);
    else if (search.rowsApart && one.name !== plainArrays && !(await apart(one, spec, limitMs))) {
      refuse(one.name, one.device, "one row's rounding depends on the others", one.ms);
    } else {
      chosen = one;
      continue;
    }
    await one.model.dispose().catch(() => undefined);
  }
  if (chosen === null) {
    const why = refused.map((one) => `${one.engine}: ${one.refused}`).join('; ');
    throw new SottoError('UNSUPPORTED', `no engine of device ${device} can be used: ${why}`);
  }
  const taken: EngineTrial = { engine: chosen.name, device: chosen.device, ms: chosen.ms, refused: null };
  const timed = [taken, ...refused.filter(({ ms }) => ms !== null)].sort((a, b) => a.ms! - b.ms!);
  const reason = `${trialRows} rows took ${timed.map(({ engine, ms }) => `${ms!.toFixed(1)} ms with ${engine}`).join(', ')}`;
  const trials = [taken, ...refused];
  const rowsPerSecond = Math.round((1_000 * trialRows) / chosen.ms);
  return { model: chosen.model, choice: { engine: chosen.name, device: chosen.device, reason, rowsPerSecond, trials } };
}

/** The engine that is always there: the product's own loops. */
export const plainArrays = 'typed arrays';

/** The model on an engine, which becomes the current one whenever it computes. */
function modelOn({ tf, backend }: Engine, spec: ModelSpec, fixedRows: true | undefined): LocalModel {
  const inner = createTfjsModel(tf, spec);
  const model = fixedRows ? inFixedRows(inner, trialRows) : inner;
  const current = async (): Promise<void> => {
    if (tf.getBackend() !== backend) await tf.setBackend(backend);
  };
  return {
    async setWeights(weights) {
      await current();
      await model.setWeights(weights);
    },
    async traces(batch, dropoutSeed) {
      await current();
      return model.traces(batch, dropoutSeed);
    },
    async predict(inputs, rows) {
      await current();
      return model.predict(inputs, rows);
    },
    async train(batch, settings, shuffleSeed) {
      await current();
      return model.train(batch, settings, shuffleSeed);
    },
    dispose: () => model.dispose(),
  };
}

/** Whether the engine keeps rows apart; one that fails on the way does not. */
async function apart({ create }: Tried, spec: ModelSpec, limitMs: number): Promise<boolean> {
  return withinLimit(keepsRowsApart(create, spec), 4 * limitMs).catch(() => false);
}

/**
 * Whether a row's activations and deltas are the same bits whatever rows stand beside it, and in whichever place. Sensitivity
 * rests on it: an engine whose blocking follows the batch's size would let one unit move the integers of all the others.
 */
export async function keepsRowsApart(create: (spec: ModelSpec) => LocalModel, spec: ModelSpec): Promise<boolean> {
  // Dropout's masks go by place and are independent of the data; it has no weights either.
  const layers = spec.topology.layers.filter(({ kind }) => kind !== 'dropout');
  const model = create({ ...spec, topology: { layers } });
  try {
    await model.setWeights(initialWeights({ layers }, spec.inputs, '00'.repeat(32)));
    const all = trialBatch(spec);
    const whole = await model.traces(all, new Uint8Array(32));
    for (const [first, rows] of [
      [0, 1],
      [1, 2],
      [5, 3],
      [2, 7],
      [33, 31],
      [9, 100],
      [1, trialRows - 1],
    ] as const) {
      const some = selectUnits(
        all,
        Array.from({ length: rows }, (_, row) => first + row),
      );
      const traces = await model.traces(some, new Uint8Array(32));
      const same =
        traces.length === whole.length &&
        traces.every(({ activations, deltas }, layer) => {
          const of = whole[layer];
          return (
            of !== undefined &&
            sameRows(activations, of.activations, first, rows) &&
            sameRows(deltas, of.deltas, first, rows)
          );
        });
      if (!same) return false;
    }
    return true;
  } finally {
    await model.dispose();
  }
}

/**
 * Milliseconds for 256 rows. The number of rows grows until a pass is long enough to tell by, which also warms the engine up, so
 * that a slow engine's trial is short as well; then the best of some passes.
 */
async function trial(
  model: LocalModel,
  weights: Float32Array,
  spec: ModelSpec,
  startRows: number,
  nowMs: () => number,
): Promise<number> {
  await model.setWeights(weights);
  const pass = async (rows: number): Promise<number> => {
    const batch = trialBatch(spec, rows);
    const begun = nowMs();
    await model.traces(batch, new Uint8Array(32));
    return nowMs() - begun;
  };
  // The first compiles.
  await pass(startRows);
  let rows = startRows;
  let best = await pass(rows);
  while (best < tellingMs && rows < trialRows) {
    rows *= 2;
    best = await pass(rows);
  }
  const begun = nowMs();
  for (let again = 0; again < 4 && nowMs() - begun < trialMs; again++) best = Math.min(best, await pass(rows));
  return (best * trialRows) / rows;
}

/** Whether values of some rows are the bits that they have among those of the whole trial batch, from a row of it on. */
function sameRows(some: Float32Array, whole: Float32Array, first: number, rows: number): boolean {
  const width = whole.length / trialRows;
  return some.length === rows * width && some.every((value, index) => Object.is(value, whole[first * width + index]));
}

function trialBatch({ inputs, topology }: ModelSpec, rows = trialRows): UnitBatch {
  const embedding = topology.layers.find(({ kind }) => kind === 'embedding');
  // An embedding reads tokens, everything else numbers around zero.
  const value = (index: number): number =>
    embedding?.kind === 'embedding' ? (index * 7) % embedding.vocabulary : ((index * 7) % 11) / 11 - 0.5;
  return {
    units: rows,
    rowOffsets: Uint32Array.from({ length: rows + 1 }, (_, row) => row),
    rows,
    inputs: Float32Array.from({ length: rows * inputs }, (_, index) => value(index)),
    features: inputs,
    targets: new Float32Array(rows),
  };
}
