import { createSeededRandom, uniformBelow } from '@sotto/shared/random';

/** How often what goes wrong, as probabilities in [0, 1], and how long things take, in virtual milliseconds. */
export type FaultRates = {
  /** A request of a client, or its reply, is lost; the client asks again with the same key. */
  readonly requestLost: number;
  readonly replyLost: number;
  /** A message arrives twice. */
  readonly duplicated: number;
  /** The line to a client breaks while a message is sent to it; it comes back later. */
  readonly lineBreaks: number;
  readonly delayMaxMs: number;
  /** How long a client's own work of one session takes at most. */
  readonly trainingMaxMs: number;
  /** A client dies at a message, a request or a write, its memory is gone, and it starts again later or never. */
  readonly clientCrashes: number;
  readonly clientReturns: number;
  /** The coordinator dies before or after a read or a write, and starts again. */
  readonly coordinatorCrashes: number;
};

/** A network and machines that never fail. */
export const noFaults: FaultRates = {
  requestLost: 0,
  replyLost: 0,
  duplicated: 0,
  lineBreaks: 0,
  delayMaxMs: 0,
  trainingMaxMs: 0,
  clientCrashes: 0,
  clientReturns: 1,
  coordinatorCrashes: 0,
};

/** Where a process may die: at a call on its surroundings, or as a message arrives. */
export type CrashPoint = {
  /** `coordinator`, or a client's name. */
  readonly process: string;
  /** For example `store.commit`, `ledger.commit`, `send share`, `upload`, `receive roster`. */
  readonly at: string;
  readonly side: 'before' | 'after';
};

/** Decides from one seed what goes wrong. */
export type Faults = {
  readonly rates: FaultRates;
  happens(probability: number): boolean;
  crashesAt(point: CrashPoint): boolean;
  /** A delay in [1, delayMaxMs], or 0 where there are no delays. */
  delayMs(): number;
  /** A time in [1, trainingMaxMs], or 0. */
  trainingMs(): number;
};

/** @param crashAt - crashes of one's own choice, besides those of the rates. */
export function createFaults(rates: FaultRates, seed: string, crashAt?: (point: CrashPoint) => boolean): Faults {
  const random = createSeededRandom(`faults/${seed}`);
  const resolution = 1_000_000;
  const happens = (probability: number): boolean =>
    probability > 0 && uniformBelow(random, resolution) < probability * resolution;
  const upTo = (most: number): number => (most === 0 ? 0 : 1 + uniformBelow(random, most));
  return {
    rates,
    happens,
    crashesAt: (point) =>
      crashAt?.(point) === true ||
      happens(point.process === 'coordinator' ? rates.coordinatorCrashes : rates.clientCrashes),
    delayMs: () => upTo(rates.delayMaxMs),
    trainingMs: () => upTo(rates.trainingMaxMs),
  };
}

/** Draws how rough one schedule is, so that seeds cover calm and wild ones. */
export function randomRates(seed: string): FaultRates {
  const random = createSeededRandom(`rates/${seed}`);
  const upTo = (most: number): number =>
    uniformBelow(random, 3) === 0 ? 0 : (most * uniformBelow(random, 1_001)) / 1_000;
  return {
    requestLost: upTo(0.1),
    replyLost: upTo(0.1),
    duplicated: upTo(0.2),
    lineBreaks: upTo(0.03),
    delayMaxMs: 1 + uniformBelow(random, 4_000),
    clientCrashes: upTo(0.006),
    clientReturns: 0.85,
    coordinatorCrashes: upTo(0.02),
    trainingMaxMs: uniformBelow(random, 3) === 0 ? 0 : 1 + uniformBelow(random, 60_000),
  };
}
