import { isSottoError, type ErrorCode } from '../errors/index.ts';
import type { CryptoPort } from '../crypto/index.ts';
import { fromBase64Url, fromHex, toHex } from '../vector/index.ts';
import {
  advertiseBytes,
  agreeHashBytes,
  shareBytes,
  shareHashBegin,
  shareHashBytes,
  uploadBytes,
  type Binding,
} from './binding.ts';
import { dealersOf, findIn, isAwaited, levelsOf, type SumState } from './coordinator-state.ts';
import { hasSuiteCiphertexts, hasSuiteKeys, kemSecretsLength, keysOf } from './hybrid.ts';
import type { Advertise, Confirm, Share, SumMessage, Unmask, Upload } from './messages.ts';
import { firstRemoved, walkChain } from './noise-chain.ts';
import type { Rejection } from './rules.ts';

/**
 * Checks a client's message against the coordinator's state: session, stage, sender, form, signature, share hashes. Null
 * when it may be stepped. The form of each field was checked at the door by the schema; that the message comes over its
 * sender's own connection, by the driver. An unmask message after the sum opened is let pass: it changes nothing.
 */
export async function verifySumMessage(
  state: SumState,
  message: SumMessage,
  crypto: CryptoPort,
): Promise<Rejection | null> {
  const { client, type } = message;
  const where = `session ${state.sessionId.slice(0, 8)}, ${type} of client ${client}`;
  if (message.sessionId !== state.sessionId) {
    return rejection('MESSAGE_UNEXPECTED', `${where}: it is for session ${message.sessionId}`);
  }
  if (state.lost.has(client)) {
    return rejection('MESSAGE_UNEXPECTED', `${where}: it is out of the session: ${state.lost.get(client)}`);
  }
  if (type === 'unmask' && state.stage === 'recover' && state.agreed.has(client)) return null;
  const stage = type === 'confirm' ? 'upload' : type;
  if (stage !== state.stage) return rejection('MESSAGE_UNEXPECTED', `${where}: the session is in ${state.stage}`);
  const awaited = type === 'confirm' ? isConfirmAwaited(state, client) : isAwaited(state, client);
  if (!awaited) return rejection('MESSAGE_UNEXPECTED', `${where}: it was not asked, or it came twice`);
  const fault = await faultOf(state, message, crypto);
  return fault === null ? null : rejection(fault.code, `${where}: ${fault.reason}`);
}

function isConfirmAwaited(state: SumState, client: string): boolean {
  return state.shared.has(client) && !state.confirmed.has(client);
}

async function faultOf(state: SumState, message: SumMessage, crypto: CryptoPort): Promise<Rejection | null> {
  const { rules, sessionId, rosterHash } = state;
  const { suite } = rules.header;
  const binding = { suite, sessionId, rosterHash };
  const { client } = message;
  switch (message.type) {
    case 'advertise':
      return (
        (await signatureFault(state, client, advertiseBytes(suite, message), message.signature, crypto)) ??
        (await keyFault(state, message, crypto))
      );
    case 'share':
      return (
        shareFault(state, message) ??
        (await signatureFault(state, client, shareBytes(binding, client, message), message.signature, crypto))
      );
    case 'confirm':
      return confirmFault(state, message);
    case 'upload':
      return (
        uploadFault(state, message) ??
        (await signatureFault(state, client, uploadBytes(binding, client, message), message.signature, crypto))
      );
    case 'agree':
      return signatureFault(state, client, agreeHashBytes(binding, state.setsHash), message.signature, crypto);
    case 'unmask':
      return unmaskFault(state, binding, message, crypto);
  }
}

async function signatureFault(
  state: SumState,
  client: string,
  signed: Uint8Array,
  signature: string,
  crypto: CryptoPort,
): Promise<Rejection | null> {
  const identity = state.rules.identities.get(client);
  if (identity === undefined) return rejection('ROSTER_INVALID', "it is not on the plan's roster");
  const valid = await crypto.ed25519Verify(fromHex(identity), signed, fromHex(signature));
  return valid ? null : rejection('SIGNATURE_INVALID', 'the signature does not verify');
}

// Any scalar shows a low-order key: its product with one is always zero.
const probe = new Uint8Array(32).fill(9);

/** A key that every client would refuse must not get into the roster: it would cost the whole session. */
async function keyFault(state: SumState, message: Advertise, crypto: CryptoPort): Promise<Rejection | null> {
  const { suite } = state.rules.header;
  if (!hasSuiteKeys(suite, message)) return rejection('MESSAGE_INVALID', `it has not the keys of suite ${suite}`);
  const keys = keysOf(message);
  const own = new Set(keys);
  let taken = false;
  for (const { maskKey, sealKey, maskKemKey = '', sealKemKey = '' } of state.advertised.values()) {
    taken ||= own.has(maskKey) || own.has(sealKey) || own.has(maskKemKey) || own.has(sealKemKey);
  }
  if (own.size < keys.length || taken) return rejection('MESSAGE_INVALID', 'a key is there twice');
  try {
    for (const key of [message.maskKey, message.sealKey]) await crypto.x25519(probe, fromHex(key));
    for (const key of [message.maskKemKey, message.sealKemKey]) {
      if (key !== undefined) await crypto.mlKemEncapsulate(fromBase64Url(key), probe);
    }
    return null;
  } catch (error) {
    if (!isSottoError(error, 'KEY_MISMATCH')) throw error;
    return rejection('MESSAGE_INVALID', 'a key is of low order or malformed');
  }
}

function shareFault(state: SumState, message: Share): Rejection | null {
  const holders = state.holders.get(message.client) ?? [];
  if (message.rosterHash !== state.rosterHash) return rejection('MESSAGE_INVALID', 'it is for another roster');
  const given = message.shares.map((dealt) => dealt.holder);
  if (!sameList(given, holders)) return rejection('MESSAGE_INVALID', 'it does not deal to every holder, in order');
  const { suite } = state.rules.header;
  const complete =
    message.shares.every((dealt) => hasSuiteCiphertexts(suite, message.client, dealt.holder, dealt)) &&
    message.maskKemSecrets?.length === kemSecretsLength(suite, message.client, holders);
  return complete ? null : rejection('MESSAGE_INVALID', `it has not the ciphertexts of suite ${suite}`);
}

function confirmFault(state: SumState, message: Confirm): Rejection | null {
  const peers = dealersOf(state, message.client).filter((dealer) => dealer !== message.client);
  const given = message.tags.map(({ peer }) => peer);
  return sameList(given, peers) ? null : rejection('MESSAGE_INVALID', 'it has not one tag for every pair, in order');
}

function uploadFault(state: SumState, message: Upload): Rejection | null {
  if (message.rosterHash !== state.rosterHash) return rejection('UPLOAD_INVALID', 'it is for another roster');
  if ((message.noiseEnd !== undefined) !== levelsOf(state).length > 1) {
    return rejection(
      'UPLOAD_INVALID',
      'the end of its noise chain is missing, or is there where no noise can be removed',
    );
  }
  const confirmed = state.rules.header.trust !== 'secure' || state.confirmed.has(message.client);
  return confirmed ? null : rejection('MESSAGE_UNEXPECTED', 'it came before its confirmation');
}

async function unmaskFault(
  state: SumState,
  binding: Binding,
  message: Unmask,
  crypto: CryptoPort,
): Promise<Rejection | null> {
  const { uploaded, shared } = state;
  const { client } = message;
  const dealers = message.shares.map(({ dealer }) => dealer);
  if (!sameList(dealers, dealersOf(state, client)))
    return rejection('MESSAGE_INVALID', 'it has not one share of every dealer, in order');
  const hashBegin = shareHashBegin(binding);
  for (const { dealer, kind, share } of message.shares) {
    const expected = uploaded.has(dealer) ? 'selfMask' : 'recovery';
    if (kind !== expected) return rejection('MESSAGE_INVALID', `it gives a ${kind} share of ${dealer}`);
    const dealt = findIn(shared.get(dealer)!.shares, client, ({ holder }) => holder)!;
    const published = kind === 'selfMask' ? dealt.selfMaskShareHash : dealt.recoveryShareHash;
    const given = toHex(await crypto.sha256(shareHashBytes(hashBegin, dealer, client, kind, fromHex(share))));
    if (given !== published) return rejection('SHARE_INVALID', `its share of ${dealer} is not the one that was dealt`);
  }
  return noiseKeyFault(state, binding, message, crypto);
}

/** A key of another place, or of no chain, would put noise into the sum instead of taking it out. */
async function noiseKeyFault(
  state: SumState,
  binding: Binding,
  { client, noiseKey }: Unmask,
  crypto: CryptoPort,
): Promise<Rejection | null> {
  const levels = levelsOf(state);
  const first = firstRemoved(levels, state.survivors.length);
  if (first === null || noiseKey === undefined) {
    const expected = (first === null) === (noiseKey === undefined);
    return expected ? null : rejection('MESSAGE_INVALID', 'its noise key is missing, or is there and not needed');
  }
  const end = await walkChain(crypto, binding, client, fromHex(noiseKey), first, levels.length);
  return toHex(end) === state.uploaded.get(client)?.noiseEnd
    ? null
    : rejection('SHARE_INVALID', 'its noise key is not the one that its upload leads to');
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, i) => item === b[i]);
}

function rejection(code: ErrorCode, reason: string): Rejection {
  return { code, reason };
}
