import { SottoError, type ErrorCode } from '../errors/index.ts';
import { addWords, type CryptoPort, type Mask } from '../crypto/index.ts';
import { fromHex, wordsOfLittleEndian } from '../vector/index.ts';
import { selfMaskInfo, type Binding } from './binding.ts';
import type { RecoverJob } from './coordinator-state.ts';
import { createGraph, holdersIn } from './graph.ts';
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
 * clients, whose mask keys are derived again from r and compared with the advertised ones. Any t holders' answers will do.
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
  const { header, sessionId, rosterHash, threshold, roster, sharers, survivors } = job;
  const sum = new Int32Array(accumulator.buffer, accumulator.byteOffset, accumulator.length);
  if (header.trust !== 'secure') return { ok: true, sum };
  const binding: Binding = { suite: header.suite, sessionId, rosterHash };
  const clients = roster.map(({ client }) => client);
  const holders = holdersIn(createGraph(clients, rosterHash));
  const given = sharesByDealer(job, clients);
  const coefficientsFor = rememberingOne(recoveryCoefficients);
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
  for (const dealer of sharers) {
    const shares = given.get(dealer) ?? [];
    if (shares.length < threshold) {
      const reason = `${shares.length} clients gave shares of client ${dealer}, ${threshold} are needed`;
      return { ok: false, code: 'RECOVERY_FAILED', reason, culprits: [] };
    }
    const secret = recoverSecret(
      coefficientsFor(shares.map(({ position }) => position)),
      shares.map(({ share }) => fromHex(share)),
    );
    if (alive.has(dealer)) {
      masks.push({ key: await crypto.hkdf(secret, selfMaskInfo(binding, dealer), 32), sign: -1 });
      if (masks.length >= masksAtOnce) await flush();
      continue;
    }
    const lost = await masksOfLost(
      job,
      binding,
      dealer,
      secret,
      (holders.get(dealer) ?? []).filter((holder) => alive.has(holder)),
      crypto,
    );
    if (!lost.ok) return { ...lost, code: 'RECOVERY_FAILED' };
    masks.push(...lost.masks);
    await flush();
  }
  await flush();
  await adding;
  return { ok: true, sum };
}

/** A holder's x and the share that it gave. */
type GivenShare = { readonly position: number; readonly share: string };

/** For each sharer the first t shares that were given. */
function sharesByDealer({ threshold, answers }: RecoverJob, clients: readonly string[]): Map<string, GivenShare[]> {
  const positions = new Map(clients.map((client, i) => [client, i + 1]));
  const given = new Map<string, GivenShare[]>();
  for (const { client, shares } of answers) {
    const position = positions.get(client)!;
    for (const { dealer, share } of shares) {
      const known = given.get(dealer);
      if (known === undefined) given.set(dealer, [{ position, share }]);
      else if (known.length < threshold) known.push({ position, share });
    }
  }
  return given;
}

/** A function of numbers that does not compute twice in a row for the same ones: on the complete graph all have the same holders. */
function rememberingOne<T>(compute: (numbers: readonly number[]) => T): (numbers: readonly number[]) => T {
  let last: { readonly key: string; readonly value: T } | null = null;
  return (numbers) => {
    const key = numbers.join();
    if (last?.key !== key) last = { key, value: compute(numbers) };
    return last.value;
  };
}
