import type { CryptoPort } from '@sotto/shared/crypto';
import type { ClientMessage, ClientTransport, Reply } from '@sotto/shared/protocol';
import type { SumIdentity, Upload } from '@sotto/shared/secure-sum';

/**
 * What a lying client does. Through its own machine's ports, so that the lie is properly signed: wrong tags, hashes, seals,
 * keys. On the wire: what a broken or hostile program sends.
 */
export const lies = [
  'badSignature/advertise',
  'badSignature/share',
  'badSignature/upload',
  'badSignature/agree',
  'lowOrderKey',
  'wrongTag',
  'wrongShareHash',
  'wrongSeal',
  'wrongRecoverySeed',
  'malformed/advertise',
  'malformed/share',
  'malformed/confirm',
  'malformed/agree',
  'malformed/unmask',
  'garbage',
  'oversized',
  'repeated',
  'otherSender',
  'earlierMessage',
  'alteredUnmaskShare',
  'wrongUnmaskKind',
  'falseNoiseKey',
  'uploadForOther',
  'shortVector',
  'longVector',
  'alteredVector',
  'earlierUpload',
  'secondUpload',
] as const;
export type Lie = (typeof lies)[number];

/** A client that tells one lie, the first `times` times that it can, and is honest otherwise. */
export type LiarConfig = { readonly lie: Lie; readonly times: number };

/** One lying client over all its lives. */
export type Liar = {
  /** Lies told so far. */
  told(): number;
  crypto(honest: CryptoPort): CryptoPort;
  identity(honest: SumIdentity): SumIdentity;
  transport(honest: ClientTransport): ClientTransport;
};

/**
 * @param client - its id.
 * @param other - the id of somebody else, to speak for.
 */
export function createLiar({ lie, times }: LiarConfig, client: string, other: string): Liar {
  let told = 0;
  /** Sessions in which the secrets were made wrong: a lie of many calls is one lie. */
  const spoilt = new Set<string>();
  const earlier = new Map<string, ClientMessage>();
  let earlierUpload: { readonly upload: Upload; readonly vector: Uint8Array } | null = null;

  function due(): boolean {
    if (told >= times) return false;
    told += 1;
    return true;
  }

  function dueIn(bytes: Uint8Array): boolean {
    const session = /[0-9a-f]{64}/.exec(textOf(bytes))?.[0] ?? '';
    if (spoilt.has(session)) return true;
    if (!due()) return false;
    spoilt.add(session);
    return true;
  }

  /** Whether bytes of that purpose are between this client and another one: from is told first. */
  function isToOther(bytes: Uint8Array, purpose: string): boolean {
    const text = textOf(bytes);
    if (!text.includes(`secure-sum/${purpose}`)) return false;
    const [from, to] = [...text.matchAll(/(?<![0-9a-f])[0-9a-f]{40}(?![0-9a-f])/g)].map(([id]) => id);
    return from === client && to !== client;
  }

  /** The message to send in the place of an honest one. */
  function altered(message: ClientMessage): unknown {
    const { type } = message;
    const before = earlier.get(type);
    earlier.set(type, message);
    if (lie === `malformed/${type}` && due()) return { ...message, more: 1 };
    switch (lie) {
      case 'garbage':
        return type === 'share' && due() ? 'garbage' : message;
      case 'oversized':
        return type === 'share' && due() ? { ...message, shares: Array(300).fill(message.shares[0]) } : message;
      case 'otherSender':
        return type === 'advertise' && due() ? { ...message, client: other } : message;
      case 'earlierMessage':
        return type === 'advertise' && before !== undefined && due() ? before : message;
      case 'falseNoiseKey':
        return type === 'unmask' && message.noiseKey !== undefined && due()
          ? { ...message, noiseKey: flipped(message.noiseKey) }
          : message;
      case 'alteredUnmaskShare':
      case 'wrongUnmaskKind': {
        const first = type === 'unmask' ? message.shares[0] : undefined;
        if (type !== 'unmask' || first === undefined || !due()) return message;
        const wrong =
          lie === 'alteredUnmaskShare'
            ? { ...first, share: flipped(first.share) }
            : { ...first, kind: first.kind === 'recovery' ? 'selfMask' : 'recovery' };
        return { ...message, shares: [wrong, ...message.shares.slice(1)] };
      }
      default:
        return message;
    }
  }

  async function upload(
    line: ClientTransport,
    honest: Upload,
    vector: Uint8Array,
    signal?: AbortSignal,
  ): Promise<Reply> {
    const before = earlierUpload;
    earlierUpload = { upload: honest, vector };
    switch (lie) {
      case 'wrongRecoverySeed':
        // It stays away, so that its masking key has to be recovered.
        return spoilt.has(honest.sessionId) ? new Promise(() => undefined) : line.upload(honest, vector, signal);
      case 'uploadForOther':
        return line.upload(due() ? { ...honest, client: other } : honest, vector, signal);
      case 'shortVector':
        return line.upload(honest, due() ? vector.slice(4) : vector, signal);
      case 'longVector':
        return line.upload(honest, due() ? new Uint8Array(vector.length + 4) : vector, signal);
      case 'alteredVector':
        return line.upload(honest, due() ? vector.map((byte) => byte ^ 1) : vector, signal);
      case 'earlierUpload':
        if (before === null || !due()) return line.upload(honest, vector, signal);
        return line.upload(before.upload, before.vector, signal);
      case 'secondUpload': {
        const reply = await line.upload(honest, vector, signal);
        if (due())
          await line.upload(
            honest,
            vector.map((byte) => byte ^ 1),
            signal,
          );
        return reply;
      }
      default:
        return line.upload(honest, vector, signal);
    }
  }

  return {
    told: () => told,
    crypto: (honest) => ({
      ...honest,
      async hkdf(secret, info, length) {
        const derived = await honest.hkdf(secret, info, length);
        const text = textOf(info);
        const wrong =
          (lie === 'wrongTag' && text.includes('secure-sum/confirm')) ||
          (lie === 'wrongRecoverySeed' && text.includes('secure-sum/mask-key')) ||
          (lie === 'wrongSeal' && isToOther(info, 'seal'));
        // Not the lowest bits, which X25519 does not read.
        if (wrong && dueIn(info)) derived[0]! ^= 16;
        return derived;
      },
      async sha256(bytes) {
        const hash = await honest.sha256(bytes);
        if (lie === 'wrongShareHash' && isToOther(bytes, 'share-hash') && dueIn(bytes)) hash[0]! ^= 1;
        return hash;
      },
      x25519PublicKey: async (secret) =>
        lie === 'lowOrderKey' && due() ? new Uint8Array(32) : honest.x25519PublicKey(secret),
    }),
    identity: (honest) => ({
      client: honest.client,
      async sign(bytes) {
        const signature = await honest.sign(bytes);
        const [, purpose] = /secure-sum\/(\w+)/.exec(textOf(bytes)) ?? [];
        if (lie === `badSignature/${purpose}` && due()) signature[0]! ^= 1;
        return signature;
      },
    }),
    transport: (line) => ({
      ...line,
      async send(message, signal) {
        // What goes over the wire need not be a message at all.
        const reply = await line.send(altered(message) as ClientMessage, signal);
        if (lie === 'repeated' && message.type !== 'sessionLeave' && due()) await line.send(message, signal);
        return reply;
      },
      upload: (honest, vector, signal) => upload(line, honest, vector, signal),
    }),
  };
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function flipped(hex: string): string {
  return (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
}
