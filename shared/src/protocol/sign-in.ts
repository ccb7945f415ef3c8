import { signedBytes } from '../crypto/index.ts';
import { fromHex } from '../vector/index.ts';

/** What a client signs with its identity key to open a connection: the coordinator's fresh nonce and its own id. */
export function signInBytes(nonce: string, client: string): Uint8Array {
  return signedBytes('sign-in', fromHex(nonce), client);
}
