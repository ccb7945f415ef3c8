import { SottoError } from '../errors/index.ts';
import { joinUnits, selectUnits, type LocalModel, type UnitBatch, type UnitsOnNeed } from '../model/index.ts';
import { drawSample, encodeUnit, type PartSpec, type RandomnessOptions } from '../privacy/index.ts';
import type { RandomSource } from '../random/index.ts';
import { addAgain, type BandedTurn, type UpdateMemory } from './banded-update.ts';
import { dataPartsRead } from './data-parts.ts';
import { drawNoise, type NoiseLayers } from './layered-noise.ts';
import { queryByName } from './query-by-name.ts';
import type { QueryContext } from './query.ts';

/** What a device brings to one session. */
export type SessionContribution = {
  readonly context: QueryContext;
  /** The session's parts, computed from the signed plan; in the order of the vector. */
  readonly parts: readonly PartSpec[];
  /**
   * All units of the part's `dataPart`, in memory or to be read once the coin has fallen. Asked once for each part; of a client that is
   * held out not at all where it trains, and for each of the parts that are read together.
   */
  readonly unitsOf: (part: PartSpec) => UnitBatch | UnitsOnNeed | Promise<UnitBatch | UnitsOnNeed>;
  readonly model: LocalModel;
  /** The published weights of the round, float32 [d]. */
  readonly weights: Float32Array;
  /** C, from the session's header, where the plan clips adaptively. */
  readonly clipNormL2?: number | null | undefined;
  /** What is due of this client and what it has kept, where the plan's updates are sent again. */
  readonly banded?: { readonly turn: BandedTurn | null; readonly memory: UpdateMemory } | null;
  /** How the noise is drawn where some of it may be taken out of the sum. Absent or null: at once, to stay. */
  readonly layers?: NoiseLayers | null;
  /** The device's CSPRNG: coin, noise and local shuffling are drawn from it, and nothing else is random. */
  readonly random: RandomSource;
  /** For simulation and tests alone: lets a seeded source stand in for the CSPRNG. */
  readonly allowInsecureRandom?: boolean;
};

/** No sampling: every unit is read. */
const everyUnit = 2 ** 32;

/** Units that pass through the model at once: bounds memory, changes no result. */
const unitsAtOnce = 256;

/**
 * THE DOOR: everything that a device contributes to a session, ready to be masked. For each part: the secret coin (of each record
 * in training, or of the client where its plan hides who takes part), each unit's vector through `encodeUnit`, the exact sum of the
 * integers, clamped, plus fresh discrete Gaussian noise. A part without units gives zeros and noise, like any other.
 *
 * Guarantees. Removing one unit changes the sum before noise by at most D = `normBoundSteps` in L2: it adds at most one vector
 * (counted here), that `encodeUnit` bounds, and clamping brings no two sums further apart. Noise is added once a part,
 * whatever was drawn, and the result's length depends on the plan alone.
 * Not guaranteed: that the time which this takes tells nothing; the driver uploads at a planned time.
 *
 * @returns integers of all parts, one after the other; sums modulo 2^32 are exact.
 * @throws {INTERNAL} when a query hands over more vectors than it may.
 */
export async function contributeSession(input: SessionContribution): Promise<Int32Array> {
  const { parts, model, weights, layers = null, random, allowInsecureRandom = false } = input;
  await model.setWeights(weights);
  const integers = new Int32Array(parts.reduce((sum, part) => sum + part.dimension, 0));
  const noise = drawNoise(parts, layers, random, { allowInsecureRandom });
  let offset = 0;
  for (const [index, part] of parts.entries()) {
    await sumOfUnits(part, input, integers.subarray(offset, offset + part.dimension));
    noise.add(index, integers, offset);
    offset += part.dimension;
  }
  return integers;
}

/** What leaves of a device that has nothing to contribute to a session, or not in time: zeros and fresh noise. */
export function noiseAlone(
  parts: readonly PartSpec[],
  layers: NoiseLayers | null,
  random: RandomSource,
  options: RandomnessOptions,
): Int32Array {
  const integers = new Int32Array(parts.reduce((sum, part) => sum + part.dimension, 0));
  const noise = drawNoise(parts, layers, random, options);
  let offset = 0;
  for (const [index, part] of parts.entries()) {
    noise.add(index, integers, offset);
    offset += part.dimension;
  }
  return integers;
}

/** Writes the exact integer sum of the encoded vectors of one part's units, clamped, to int32 zeros [dimension]. */
async function sumOfUnits(part: PartSpec, input: SessionContribution, target: Int32Array): Promise<void> {
  const { context, model, weights, clipNormL2 = null, random, allowInsecureRandom = false } = input;
  const query = queryByName(part.query);
  const parts = dataPartsRead(context.heldOut, part);
  // A client that is held out: what leaves is zeros and the noise that is added to them.
  if (parts.length === 0) return;
  const units = joinUnits(await Promise.all(parts.map(async (dataPart) => input.unitsOf({ ...part, dataPart }))));
  const all = async (): Promise<UnitBatch> => ('read' in units ? units.readAll() : units);
  const some = async (chosen: readonly number[]): Promise<UnitBatch> =>
    'read' in units ? units.read(chosen) : selectUnits(units, chosen);

  const addVectorsOf = async (batch: UnitBatch, vectorsAllowed: number, encoded: Int32Array): Promise<void> => {
    let vectors = 0;
    const asked = { context, batch, model, weights, clipNormL2, seed: random.bytes(32) };
    await query.contribute(asked, (vector) => {
      vectors += 1;
      if (vectors > vectorsAllowed) {
        throw new SottoError('INTERNAL', `query ${query.name}: more vectors than the ${vectorsAllowed} allowed`);
      }
      encodeUnit(vector, part, encoded, 0);
    });
  };

  if (context.unit === 'client') {
    const { training } = context;
    if (part.slot === 'training' && training.kind === 'update' && training.sampling?.kind === 'banded') {
      await addDue(input.banded ?? null, part, target, async () => addVectorsOf(await all(), 1, target));
      return;
    }
    // The client's own coin. Who says no has no work: the driver lets uploads leave at one time whatever was said.
    if (part.samplingNumerator < everyUnit) {
      const drawn = drawSample(1, part.samplingNumerator, random, { allowInsecureRandom });
      if (drawn.length === 0) return;
    }
    await addVectorsOf(await all(), 1, target);
    clampTo(target, target, part.sumLimitSteps);
    return;
  }
  const chosen =
    part.slot === 'training'
      ? drawSample(units.units, part.samplingNumerator, random, { allowInsecureRandom })
      : Array.from({ length: units.units }, (_, unit) => unit);
  // A coordinate of one vector is at most D, so this many add up within 32 bits.
  const chunk = Math.max(1, Math.min(unitsAtOnce, Math.floor((2 ** 31 - 1) / part.normBoundSteps)));
  if (chosen.length <= chunk) {
    await addVectorsOf(await some(chosen), chosen.length, target);
    // So few vectors of D at most cannot pass the limit.
    if (chosen.length * part.normBoundSteps > part.sumLimitSteps) clampTo(target, target, part.sumLimitSteps);
    return;
  }
  // Exact below 2^53.
  const sum = new Float64Array(part.dimension);
  const encoded = new Int32Array(part.dimension);
  for (let first = 0; first < chosen.length; first += chunk) {
    const drawn = chosen.slice(first, first + chunk);
    encoded.fill(0);
    await addVectorsOf(await some(drawn), drawn.length, encoded);
    for (let index = 0; index < encoded.length; index++) sum[index]! += encoded[index]!;
  }
  clampTo(target, sum, part.sumLimitSteps);
}

/** A client's turn: a new update, which it keeps; its share of an earlier one; or nothing, and the noise alone leaves. */
async function addDue(
  banded: (SessionContribution['banded'] & object) | null,
  part: PartSpec,
  target: Int32Array,
  makeUpdate: () => Promise<void>,
): Promise<void> {
  if (banded === null)
    throw new SottoError('INTERNAL', `query ${part.query}: the session says nothing of whose turn it is`);
  const { turn, memory } = banded;
  if (turn === null) return;
  if (turn.age === 0) {
    await makeUpdate();
    memory.keep(turn.madeIn, target);
    return;
  }
  const kept = memory.recall(turn.madeIn);
  if (kept !== null) addAgain(kept, turn.age, part, target);
}

/** Writes each coordinate, brought into [-limit, limit]. */
function clampTo(target: Int32Array, sum: Int32Array | Float64Array, limit: number): void {
  for (let index = 0; index < target.length; index++) {
    const value = sum[index]!;
    target[index] = value > limit ? limit : value < -limit ? -limit : value;
  }
}
