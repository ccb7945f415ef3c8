import { initialWeights, referenceModel, selectUnits, type LocalModel, type UnitBatch } from '@sotto/shared/model';
import type { EngineChoice } from './create-local-model.ts';
import { loadTfjs } from './tfjs-backend.ts';
import { createTfjsModel, type ModelSpec } from './tfjs-model.ts';

/** Rows of the trial batch; as many as pass through the model at once. */
const trialRows = 256;

/**
 * Times both engines on made-up rows of the plan's own topology and keeps the quicker; nothing of the data plays a part.
 * @param nowMs - a monotonic clock.
 */
export async function chooseEngine(
  spec: ModelSpec,
  nowMs: () => number,
): Promise<{ model: LocalModel; choice: EngineChoice }> {
  const plain = referenceModel(spec.topology, spec.inputs, spec.loss);
  const { tf, name } = await loadTfjs();
  const tensors = createTfjsModel(tf, spec);
  const weights = initialWeights(spec.topology, spec.inputs, '00'.repeat(32));
  const batch = trialBatch(spec);
  const plainMs = await trial(plain, weights, batch, nowMs);
  const tensorsMs = await trial(tensors, weights, batch, nowMs);
  const times = `${trialRows} rows took ${plainMs.toFixed(1)} ms in typed arrays, ${tensorsMs.toFixed(1)} ms with ${name}`;
  const apart = await keepsRowsApart((one) => createTfjsModel(tf, one), spec);
  const reason = apart ? times : `${times}, which lets one row's rounding depend on the others`;
  if (apart && tensorsMs < plainMs) {
    await plain.dispose();
    return { model: tensors, choice: { engine: name, reason } };
  }
  await tensors.dispose();
  return { model: plain, choice: { engine: 'typed arrays', reason } };
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

/** Best of three passes after one that warms up. */
async function trial(model: LocalModel, weights: Float32Array, batch: UnitBatch, nowMs: () => number): Promise<number> {
  await model.setWeights(weights);
  let best = Number.POSITIVE_INFINITY;
  for (let pass = 0; pass < 4; pass++) {
    const begun = nowMs();
    await model.traces(batch, new Uint8Array(32));
    if (pass > 0) best = Math.min(best, nowMs() - begun);
  }
  return best;
}

/** Whether values of some rows are the bits that they have among those of the whole trial batch, from a row of it on. */
function sameRows(some: Float32Array, whole: Float32Array, first: number, rows: number): boolean {
  const width = whole.length / trialRows;
  return some.length === rows * width && some.every((value, index) => Object.is(value, whole[first * width + index]));
}

function trialBatch({ inputs, topology }: ModelSpec): UnitBatch {
  const embedding = topology.layers.find(({ kind }) => kind === 'embedding');
  // An embedding reads tokens, everything else numbers around zero.
  const value = (index: number): number =>
    embedding?.kind === 'embedding' ? (index * 7) % embedding.vocabulary : ((index * 7) % 11) / 11 - 0.5;
  return {
    units: trialRows,
    rowOffsets: Uint32Array.from({ length: trialRows + 1 }, (_, row) => row),
    rows: trialRows,
    inputs: Float32Array.from({ length: trialRows * inputs }, (_, index) => value(index)),
    features: inputs,
    targets: new Float32Array(trialRows),
  };
}
