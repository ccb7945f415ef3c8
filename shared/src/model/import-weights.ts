import { SottoError } from '../errors/index.ts';
import { initialWeights } from './initial-weights.ts';
import { networkLayers } from './layout.ts';
import type { NamedTensor } from './model-tensors.ts';
import type { Topology } from './topology.ts';

/** A first model that is partly another's. */
export type ImportedWeights = {
  /** Float32 [d], in the order of `modelLayout`. */
  readonly weights: Float32Array;
  /** Layers whose weights were found, and those that the seed began. */
  readonly taken: readonly string[];
  readonly seeded: readonly string[];
};

/**
 * The first model of a topology from the tensors of another: a layer of which every tensor is there by name and shape takes them, the
 * others begin as the seed says.
 *
 * @throws {INVALID_INPUT} when a tensor has another shape, when a layer is there in part, when a layer that keeps its weights is not
 * there, or when none is.
 */
export function importWeights(
  topology: Topology,
  inputs: number,
  tensors: readonly NamedTensor[],
  seedHex: string,
): ImportedWeights {
  const weights = initialWeights(topology, inputs, seedHex);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const taken: string[] = [];
  const seeded: string[] = [];
  for (const { name, tensors: places } of networkLayers(topology, inputs)) {
    if (places.length === 0) continue;
    const found = places.filter((place) => byName.has(place.name));
    const kept = places.some(({ trainedOffset }) => trainedOffset === null);
    if (found.length === 0 && !kept) {
      seeded.push(name);
      continue;
    }
    for (const place of places) {
      const tensor = byName.get(place.name);
      const [expected, got] = [place.shape.join('×'), tensor?.shape.join('×') ?? 'none'];
      if (tensor === undefined || expected !== got || tensor.values.length !== place.length) {
        throw new SottoError('INVALID_INPUT', `tensor ${place.name}: expected the shape ${expected}, got ${got}`);
      }
      weights.set(tensor.values, place.offset);
    }
    taken.push(name);
  }
  if (taken.length === 0) {
    const names = tensors.slice(0, 5).map(({ name }) => name);
    throw new SottoError('INVALID_INPUT', `the file has none of the topology's tensors: it holds ${names.join(', ')}`);
  }
  return { weights, taken, seeded };
}
