import { integerStream, type LayerTrace, type LocalModel, type UnitBatch } from '@sotto/shared/model';

/**
 * A model that is always given the same number of rows at once, the last ones made of zeros where there are fewer.
 *
 * Engines on a GPU, and TensorFlow's own on a processor, choose how they add up by the shape of what they are given, so that a
 * row's last bit would follow from how many others there are; and each new shape costs a GPU a compilation.
 *
 * Each block's dropout masks come from a seed of its own, drawn from the given one.
 */
export function inFixedRows(model: LocalModel, rows: number): LocalModel {
  return {
    ...model,
    async traces(batch, dropoutSeed) {
      const uniform = integerStream(dropoutSeed);
      const blocks: (readonly LayerTrace[])[] = [];
      // Also for a batch without rows: its traces have the layers' shapes.
      for (let first = 0; first < Math.max(1, batch.rows); first += rows) {
        const seed = new Uint8Array(Uint32Array.from({ length: 8 }, uniform).buffer);
        blocks.push(await model.traces(blockOf(batch, first, rows), seed));
      }
      return blocks[0]!.map((trace, layer) => ({
        ...trace,
        activations: joined(
          blocks.map((block) => block[layer]!.activations),
          rows,
          batch.rows,
        ),
        deltas: joined(
          blocks.map((block) => block[layer]!.deltas),
          rows,
          batch.rows,
        ),
      }));
    },
    async predict(inputs, count) {
      const features = count === 0 ? 0 : inputs.length / count;
      const outputs: Float32Array[] = [];
      for (let first = 0; first < count; first += rows) {
        const block = new Float32Array(rows * features);
        block.set(inputs.subarray(first * features, (first + rows) * features));
        outputs.push(await model.predict(block, rows));
      }
      return joined(outputs, rows, count);
    },
  };
}

/** Some rows, each a unit of its own, filled up with zeros: zero is a target of every loss. */
function blockOf(batch: UnitBatch, first: number, rows: number): UnitBatch {
  const inputs = new Float32Array(rows * batch.features);
  const targets = new Float32Array(rows);
  inputs.set(batch.inputs.subarray(first * batch.features, (first + rows) * batch.features));
  targets.set(batch.targets.subarray(first, first + rows));
  const rowOffsets = Uint32Array.from({ length: rows + 1 }, (_, row) => row);
  return { units: rows, rowOffsets, rows, inputs, features: batch.features, targets };
}

/** Blocks of `rows` rows one after the other, as far as there were rows. */
function joined(blocks: readonly Float32Array[], rows: number, count: number): Float32Array {
  const width = (blocks[0]?.length ?? 0) / rows;
  const whole = new Float32Array(count * width);
  blocks.forEach((block, index) => {
    const left = count - index * rows;
    if (left > 0) whole.set(block.subarray(0, Math.min(rows, left) * width), index * rows * width);
  });
  return whole;
}
