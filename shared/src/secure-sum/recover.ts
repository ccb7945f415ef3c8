import { SottoError, type ErrorCode } from '../errors/index.ts';
import { addWords, type CryptoPort, type Mask } from '../crypto/index.ts';
import { fromHex, wordsOfLittleEndian } from '../vector/index.ts';
import { selfMaskInfo, type Binding } from './binding.ts';
import type { RecoverJob } from './coordinator-state.ts';
import { masksOfLost } from './recover-lost.ts';
import { recoverSecret, recoveryCoefficients } from './shamir.ts';

/**
 * Adds an uploaded vector to the running sum modulo 2^32. Add each vector once, in the same turn as the step that took its
 * upload message, so that the sum holds the survivors and nobody else.
 * @param vector - little-endian 32-bit words, [dimension]
 * @throws {UPLOAD_INVALID} for a vector of another length.
 */
export function addVector(accumulator: Uint32Array, vector: Uint8Array): void {
  if (vector.length !== accumulator.length * 4) {
    throw new SottoError('UPLOAD_INVALID', `expected ${accumulator.length * 4} bytes, got ${vector.length}`);
  }
  const read = wordsOfLittleEndian(vector);
  addWords(
    new Int32Array(accumulator.buffer, accumulator.byteOffset, accumulator.length),
    new Int32Array(read.buffer, read.byteOffset, read.length),
  );
}

/** Masks that are taken out between two pauses. */
const masksAtOnce = 32;

/**
 * Takes the masks out of the sum of the uploads: self masks of the survivors, and the pair masks that they share with lost
 * clients, whose mask keys are derived again from r and compared with the advertised ones. Any t answers will do.
 * @param accumulator - sum of the survivors' vectors, [dimension]; used up
 * @param pause - lets others have the thread now and then: many masks take seconds
 * @returns the exact sum of the survivors' integers modulo 2^32, as signed words
 */
export async function recoverSum(
  job: RecoverJob,
  accumulator: Uint32Array,
  crypto: CryptoPort,
  pause: () => Promise<void> = async () => undefined,
): Promise<
  { ok: true; sum: Int32Array } | { ok: false; code: ErrorCode; reason: string; culprits: readonly string[] }
> {
  const { header, sessionId, rosterHash, threshold, roster, sharers, survivors, answers } = job;
  const sum = new Int32Array(accumulator.buffer, accumulator.byteOffset, accumulator.length);
  if (header.trust !== 'secure') return { ok: true, sum };
  if (answers.length < threshold) {
    const reason = `${answers.length} clients gave shares, ${threshold} are needed`;
    return { ok: false, code: 'RECOVERY_FAILED', reason, culprits: [] };
  }
  const binding: Binding = { suite: header.suite, sessionId, rosterHash };
  const positions = new Map(roster.map((entry, i) => [entry.client, i + 1]));
  const used = answers.slice(0, threshold);
  const coefficients = recoveryCoefficients(used.map((answer) => positions.get(answer.client)!));
  const alive = new Set(survivors);
  const masks: Mask[] = [];
  // Where other threads expand the masks, the keys of the next ones are derived meanwhile.
  let adding: Promise<void> = Promise.resolve();
  const flush = async (): Promise<void> => {
    await adding;
    adding = crypto.addMasks(accumulator, masks.splice(0));
    adding.catch(() => undefined);
    await pause();
  };
  for (const [i, dealer] of sharers.entries()) {
    const secret = recoverSecret(
      coefficients,
      used.map((answer) => fromHex(answer.shares[i]!.share)),
    );
    if (alive.has(dealer)) {
      masks.push({ key: await crypto.hkdf(secret, selfMaskInfo(binding, dealer), 32), sign: -1 });
      if (masks.length >= masksAtOnce) await flush();
      continue;
    }
    const lost = await masksOfLost(job, binding, dealer, secret, crypto);
    if (!lost.ok) return { ...lost, code: 'RECOVERY_FAILED' };
    masks.push(...lost.masks);
    await flush();
  }
  await flush();
  await adding;
  return { ok: true, sum };
}
