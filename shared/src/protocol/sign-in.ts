import { signedBytes, type CryptoPort } from '../crypto/index.ts';
import { fromHex } from '../vector/index.ts';
import { clientIdOf } from './client-id.ts';

/** What a client signs with its identity key to open a connection: the coordinator's fresh nonce and its own id. */
export function signInBytes(nonce: string, client: string): Uint8Array {
  return signedBytes('sign-in', fromHex(nonce), client);
}

/**
 * Whether the identity signed this nonce for a sign-in. Malformed input is no signature.
 * @param identity - Ed25519 key of the client's certificate, @param nonce - of the coordinator, used once; both hex.
 */
export async function verifySignIn(
  identity: string,
  nonce: string,
  signature: string,
  crypto: CryptoPort,
): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/.test(identity) || !/^([0-9a-f]{2})+$/.test(nonce) || !/^[0-9a-f]{128}$/.test(signature)) {
    return false;
  }
  return crypto.ed25519Verify(fromHex(identity), signInBytes(nonce, clientIdOf(identity)), fromHex(signature));
}
