import { mlKemSizes, open, type CryptoPort, type Mask } from '../crypto/index.ts';
import { bytesEqual, fromBase64Url, fromHex, toBase64Url, toHex } from '../vector/index.ts';
import { kemSecretsInfo, maskKemInfo, maskKeyInfo, maskSign, type Binding } from './binding.ts';
import type { RecoverJob } from './coordinator-state.ts';
import { combinedSecret, pairOf, type KemSecret } from './hybrid.ts';
import { isHybrid } from './suite.ts';

/** The masks that survivors share with a lost client, or who stands in the way of them. */
export type LostMasks =
  | { readonly ok: true; readonly masks: readonly Mask[] }
  | { readonly ok: false; readonly reason: string; readonly culprits: readonly string[] };

/**
 * Derives a lost client's masking keys again from its recovery seed r, compares them with those that it advertised, and from
 * them the masks of its pairs, to be taken out of the sum. ML-KEM's secrets are opened with its key where the survivor
 * encapsulated them, and with r where it did so itself; as nothing else shows whether it sealed the true ones, each pair's
 * tag is compared with the survivor's.
 *
 * @param secret - r
 * @param survivors - those who share a mask with it
 */
export async function masksOfLost(
  job: RecoverJob,
  binding: Binding,
  lost: string,
  secret: Uint8Array,
  survivors: readonly string[],
  crypto: CryptoPort,
): Promise<LostMasks> {
  const { suite, sessionId } = binding;
  const entries = new Map(job.roster.map((entry) => [entry.client, entry]));
  const own = entries.get(lost);
  const maskSecret = await crypto.hkdf(secret, maskKeyInfo(suite, sessionId, lost), 32);
  const kemSeed = isHybrid(suite)
    ? await crypto.hkdf(secret, maskKemInfo(suite, sessionId, lost), mlKemSizes.seed)
    : null;
  const sameKeys =
    toHex(await crypto.x25519PublicKey(maskSecret)) === own?.maskKey &&
    (kemSeed === null || toBase64Url(await crypto.mlKemPublicKey(kemSeed)) === own.maskKemKey);
  if (!sameKeys) {
    return fault(`the shares of lost client ${lost} do not give the keys that it advertised`, [lost]);
  }
  const sealed =
    kemSeed === null ? new Map<string, KemSecret>() : await ownKemSecrets(job, binding, lost, secret, crypto);
  if (sealed === null) return fault(`what lost client ${lost} sealed for its recovery does not open`, [lost]);
  const masks: Mask[] = [];
  for (const survivor of survivors) {
    // Survivors are on the roster.
    const shared = await crypto.x25519(maskSecret, fromHex(entries.get(survivor)!.maskKey));
    const kem =
      kemSeed === null ? null : (sealed.get(survivor) ?? (await kemSecretFrom(job, survivor, lost, kemSeed, crypto)));
    const pair = await pairOf(crypto, binding, survivor, lost, await combinedSecret(crypto, shared, kem));
    if (kem !== null && !hasTag(job, survivor, lost, pair.tag)) {
      // Keys that follow from r are the advertised ones: where the survivor made the secret, it alone can have told otherwise.
      const culprits = sealed.has(survivor) ? [lost, survivor].sort() : [survivor];
      return fault(`lost client ${lost} and client ${survivor} did not derive the same pair key`, culprits);
    }
    masks.push({ key: pair.key, sign: maskSign(survivor, lost) === 1 ? -1 : 1 });
  }
  return { ok: true, masks };
}

/** The secrets that the lost client encapsulated, by the client they are for; null where they do not open. */
async function ownKemSecrets(
  { shared }: RecoverJob,
  binding: Binding,
  lost: string,
  secret: Uint8Array,
  crypto: CryptoPort,
): Promise<Map<string, KemSecret> | null> {
  const dealt = shared.get(lost);
  const key = await crypto.hkdf(secret, kemSecretsInfo(binding, lost), 32);
  const secrets = open(key, fromBase64Url(dealt?.maskKemSecrets ?? ''));
  const ciphertexts = (dealt?.shares ?? []).flatMap(({ holder, maskCiphertext }) =>
    maskCiphertext === undefined ? [] : [{ holder, ciphertext: fromBase64Url(maskCiphertext) }],
  );
  if (secrets === null || secrets.length !== 32 * ciphertexts.length) return null;
  return new Map(
    ciphertexts.map(({ holder, ciphertext }, i) => [
      holder,
      { secret: secrets.slice(32 * i, 32 * i + 32), ciphertext },
    ]),
  );
}

/** The secret that a survivor encapsulated to the lost client. */
async function kemSecretFrom(
  { shared }: RecoverJob,
  survivor: string,
  lost: string,
  kemSeed: Uint8Array,
  crypto: CryptoPort,
): Promise<KemSecret> {
  const dealt = shared.get(survivor)?.shares.find(({ holder }) => holder === lost);
  // Each sharer's ciphertexts were checked to be there when its message came.
  const ciphertext = fromBase64Url(dealt!.maskCiphertext!);
  return { secret: await crypto.mlKemDecapsulate(kemSeed, ciphertext), ciphertext };
}

function hasTag({ confirmed }: RecoverJob, survivor: string, lost: string, tag: Uint8Array): boolean {
  const given = confirmed.get(survivor)?.tags.find(({ peer }) => peer === lost);
  return given !== undefined && bytesEqual(fromHex(given.tag), tag);
}

function fault(reason: string, culprits: readonly string[]): LostMasks {
  return { ok: false, reason, culprits };
}
