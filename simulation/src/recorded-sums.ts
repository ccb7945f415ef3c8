import type { KeyStream } from '@sotto/shared/crypto';
import type { PartSpec } from '@sotto/shared/privacy';
import { removeLayers, type NoiseLayers } from '@sotto/shared/queries';
import type { SessionHeader } from '@sotto/shared/secure-sum';

type Contribution = { readonly integers: Int32Array; readonly noiseKeys: readonly Uint8Array[] };

/** Noise that a release was rid of: the outermost `layers` of each survivor but those that kept the whole. */
export type RemovedNoise = {
  readonly parts: readonly PartSpec[];
  readonly variances: NoiseLayers['variances'];
  readonly layers: number;
  readonly whole: readonly string[];
};

/** Standard deviations of the coordinator's own noise that a release may be off by: more happen once in 10^15. */
const noiseDeviationsMax = 8;

/**
 * What the simulator alone can know: each client's integers before masking. A release is right if it equals the plain sum of
 * exactly the declared survivors' integers, bit for bit.
 */
export class RecordedSums {
  readonly #contributions = new Map<string, Contribution>();
  readonly #keyStream: KeyStream;
  readonly violations: string[] = [];
  releasesChecked = 0;

  constructor(keyStream: KeyStream) {
    this.#keyStream = keyStream;
  }

  /**
   * A client masked these integers in that session. Doing so twice would be two answers to one attempt.
   * @param noiseKeys - that the client drew noise from lately, those of this session last, in the order of the layers
   */
  contributed(sessionId: string, client: string, integers: Int32Array, noiseKeys: readonly Uint8Array[]): void {
    const key = `${sessionId}/${client}`;
    if (this.#contributions.has(key)) this.violations.push(`client ${client} answered session ${sessionId} twice`);
    this.#contributions.set(key, { integers: integers.slice(), noiseKeys });
  }

  /**
   * A sum was released over those survivors. Noise that was taken out is drawn once more, from the keys that the clients used
   * and not from those that they gave away.
   * @param noise - standard deviation of what the coordinator itself added to each coordinate, [dimension]; 0 for exact sums.
   */
  async released(
    sessionId: string,
    header: SessionHeader,
    survivors: readonly string[],
    sum: Int32Array,
    noise: Float64Array,
    removed: RemovedNoise | null,
  ): Promise<void> {
    const { round, attempt, dimension } = header;
    const where = `round ${round} attempt ${attempt}`;
    if (sum.length !== dimension) {
      this.violations.push(`${where}: the release has ${sum.length} coordinates, the session has ${dimension}`);
      return;
    }
    const expected = new Int32Array(dimension);
    const removedKeys: (readonly Uint8Array[])[] = [];
    for (const client of survivors) {
      const contribution = this.#contributions.get(`${sessionId}/${client}`);
      if (contribution === undefined) {
        this.violations.push(`${where}: survivor ${client} contributed nothing`);
        return;
      }
      const { integers, noiseKeys } = contribution;
      if (removed !== null && !removed.whole.includes(client)) {
        if (noiseKeys.length < removed.layers) {
          this.violations.push(`${where}: survivor ${client} drew no noise in layers, and some was taken out`);
          return;
        }
        removedKeys.push(noiseKeys.slice(-removed.layers));
      }
      // Both arrays have the session's dimension.
      for (let index = 0; index < dimension; index++) expected[index] = expected[index]! + integers[index]!;
    }
    if (removed !== null) await removeLayers(expected, removed.parts, removed.variances, removedKeys, this.#keyStream);
    this.releasesChecked += 1;
    const wrong = expected.findIndex(
      (value, index) => Math.abs(value - sum[index]!) > noiseDeviationsMax * noise[index]!,
    );
    if (wrong >= 0) {
      this.violations.push(
        `${where}: coordinate ${wrong} is ${sum[wrong]}, the survivors' sum is ${expected[wrong]}, noise ${noise[wrong]}`,
      );
    }
  }
}
