import type { SessionHeader } from '@sotto/shared/secure-sum';

/** Standard deviations of the coordinator's own noise that a release may be off by: more happen once in 10^15. */
const noiseDeviationsMax = 8;

/**
 * What the simulator alone can know: each client's integers before masking. A release is right if it equals the plain sum of
 * exactly the declared survivors' integers, bit for bit.
 */
export class RecordedSums {
  readonly #contributions = new Map<string, Int32Array>();
  readonly violations: string[] = [];
  releasesChecked = 0;

  /** A client masked these integers in that session. Doing so twice would be two answers to one attempt. */
  contributed(sessionId: string, client: string, integers: Int32Array): void {
    const key = `${sessionId}/${client}`;
    if (this.#contributions.has(key)) this.violations.push(`client ${client} answered session ${sessionId} twice`);
    this.#contributions.set(key, integers.slice());
  }

  /**
   * A sum was released over those survivors.
   * @param noise - standard deviation of what the coordinator itself added to each coordinate, [dimension]; 0 for exact sums.
   */
  released(
    sessionId: string,
    header: SessionHeader,
    survivors: readonly string[],
    sum: Int32Array,
    noise: Float64Array,
  ): void {
    const { round, attempt, dimension } = header;
    const where = `round ${round} attempt ${attempt}`;
    if (sum.length !== dimension) {
      this.violations.push(`${where}: the release has ${sum.length} coordinates, the session has ${dimension}`);
      return;
    }
    const expected = new Int32Array(dimension);
    for (const client of survivors) {
      const integers = this.#contributions.get(`${sessionId}/${client}`);
      if (integers === undefined) {
        this.violations.push(`${where}: survivor ${client} contributed nothing`);
        return;
      }
      // Both arrays have the session's dimension.
      for (let index = 0; index < dimension; index++) expected[index] = expected[index]! + integers[index]!;
    }
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
