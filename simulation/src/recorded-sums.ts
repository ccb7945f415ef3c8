import type { SessionHeader } from '@sotto/shared/secure-sum';

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

  /** A sum was released over those survivors. */
  released(sessionId: string, header: SessionHeader, survivors: readonly string[], sum: Int32Array): void {
    const expected = new Int32Array(sum.length);
    for (const client of survivors) {
      const integers = this.#contributions.get(`${sessionId}/${client}`);
      if (integers === undefined) {
        this.violations.push(`round ${header.round}: survivor ${client} contributed nothing`);
        return;
      }
      for (let index = 0; index < expected.length; index++) expected[index] = expected[index]! + integers[index]!;
    }
    this.releasesChecked += 1;
    const wrong = expected.findIndex((value, index) => value !== sum[index]);
    if (wrong >= 0) {
      this.violations.push(
        `round ${header.round} attempt ${header.attempt}: coordinate ${wrong} is ${sum[wrong]}, the survivors' sum is ${expected[wrong]}`,
      );
    }
  }
}
