import { SottoError } from '../errors/index.ts';
import type { Binding } from './binding.ts';
import type { SumGraph } from './graph.ts';
import type { Held } from './held.ts';
import type { Advertise } from './messages.ts';
import type { SumIdentity, SumRules } from './rules.ts';

type Base = { readonly rules: SumRules; readonly identity: SumIdentity; readonly sessionId: string };

/** What the roster fixed: the graph, and who holds this client's shares, whose shares it holds in turn (sorted). */
type Cohort = { readonly binding: Binding; readonly graph: SumGraph; readonly holders: readonly string[] };

/** The mask key (32 bytes) and confirmation tag (16 bytes) of a pair. */
export type Pair = { readonly key: Uint8Array; readonly tag: Uint8Array };

/** Seeds of a client's two ML-KEM pairs (64 bytes); null in the suite without. */
export type KemSeeds = { readonly mask: Uint8Array; readonly seal: Uint8Array };

/** The two shares that this client holds for one dealer. */
export type HeldShares = { readonly selfMask: Uint8Array; readonly recovery: Uint8Array };

/** K₁ of the client's noise chain (32 bytes); null where no noise can be taken out. */
export type NoiseKey = Uint8Array | null;

/**
 * Where a client stands in one session. Each step uses a state up: it takes the secrets out and gives the next state. It
 * lives in memory only; a restart makes the session dead.
 */
export type SumClientState =
  | (Base & { readonly phase: 'plain' })
  | (Base & {
      readonly phase: 'advertised';
      readonly advertise: Advertise;
      readonly secrets: Held<{
        readonly recoverySeed: Uint8Array;
        readonly maskSecret: Uint8Array;
        readonly sealSecret: Uint8Array;
        readonly kem: KemSeeds | null;
      }>;
    })
  | (Base &
      Cohort & {
        readonly phase: 'shared';
        readonly secrets: Held<{
          readonly selfMaskSeed: Uint8Array;
          readonly pairs: ReadonlyMap<string, Pair>;
          /** X25519 secrets of the masking keys with clients whose ciphertext is still to come. */
          readonly awaiting: ReadonlyMap<string, Uint8Array>;
          /** X25519 secrets of the sealing keys, by dealer. */
          readonly sealing: ReadonlyMap<string, Uint8Array>;
          readonly kem: KemSeeds | null;
        }>;
      })
  | (Base &
      Cohort & {
        readonly phase: 'confirmed';
        /** Whose shares opened: all sharers, or those of them that are neighbours. */
        readonly dealers: readonly string[];
        readonly secrets: Held<{
          readonly selfMaskSeed: Uint8Array;
          readonly pairs: ReadonlyMap<string, Pair>;
          readonly shares: ReadonlyMap<string, HeldShares>;
          readonly noiseKey: NoiseKey;
        }>;
      })
  | (Base &
      Cohort & {
        readonly phase: 'uploaded';
        readonly dealers: readonly string[];
        readonly secrets: Held<{ readonly shares: ReadonlyMap<string, HeldShares>; readonly noiseKey: NoiseKey }>;
      })
  | (Base &
      Cohort & {
        readonly phase: 'agreed';
        readonly dealers: readonly string[];
        readonly sharers: readonly string[];
        readonly survivors: readonly string[];
        readonly secrets: Held<{ readonly shares: ReadonlyMap<string, HeldShares>; readonly noiseKey: NoiseKey }>;
      })
  | (Base & { readonly phase: 'done' });

/** A state of one phase. */
export type InPhase<P extends SumClientState['phase']> = Extract<SumClientState, { phase: P }>;

/**
 * The state, known to be in the phase that a message is for, and the message of this session. Nothing is used up otherwise.
 * @throws {MESSAGE_UNEXPECTED}
 */
export function expectPhase<P extends SumClientState['phase']>(
  state: SumClientState,
  phase: P,
  message: { readonly type: string; readonly sessionId: string },
): InPhase<P> {
  if (message.sessionId !== state.sessionId) {
    throw new SottoError(
      'MESSAGE_UNEXPECTED',
      `${message.type} of session ${message.sessionId}, this is ${state.sessionId}`,
    );
  }
  if (!isInPhase(state, phase)) {
    throw new SottoError('MESSAGE_UNEXPECTED', `${message.type} while ${state.phase}, it is for ${phase}`);
  }
  return state;
}

function isInPhase<P extends SumClientState['phase']>(state: SumClientState, phase: P): state is InPhase<P> {
  return state.phase === phase;
}

/** Whether a list is sorted by code unit without duplicates. */
export function isSortedSet(items: readonly string[]): boolean {
  return items.every((item, i) => i === 0 || items[i - 1]! < item);
}
