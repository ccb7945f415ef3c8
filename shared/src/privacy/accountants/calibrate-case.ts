import { SottoError } from '../../errors/index.ts';
import type { AccountingEvent, Neighboring } from './accounting-event.ts';

/** Events, their neighbouring, and ε of changed ones by some accountant. */
export type Search = {
  readonly events: readonly AccountingEvent[];
  readonly neighboring: Neighboring;
  readonly epsilonAt?: (events: readonly AccountingEvent[], delta: number) => number;
};
type WithAccountant = Search & Required<Pick<Search, 'epsilonAt'>>;

/** Relative width at which a search ends; what it gives keeps the target. */
const closeEnough = 1e-6;
const leastNoise = 1e-3;
const mostNoise = 1e9;
const mostSteps = 2 ** 40;

/**
 * The least noise multiplier, to a relative 1e-6 and rounded up, with which the events keep ε at δ.
 *
 * @throws {INVALID_INPUT} when the events have not exactly one noise multiplier, or no noise in [1e-3, 1e9] keeps ε
 */
export function calibrateSigma({ events, epsilonAt }: WithAccountant, epsilon: number, delta: number) {
  requireOne(events, 'noiseMultiplier');
  const at = (noiseMultiplier: number) => {
    try {
      return epsilonAt(withField(events, 'noiseMultiplier', noiseMultiplier), delta);
    } catch (cause) {
      // Too little noise for the accountant is too little.
      if (noiseMultiplier < 1 && cause instanceof SottoError && cause.code === 'UNSUPPORTED_EVENT') return Infinity;
      throw cause;
    }
  };
  let high = 1;
  while (!(at(high) <= epsilon)) {
    high *= 2;
    if (high > mostNoise) {
      throw new SottoError(
        'INVALID_INPUT',
        `epsilon ${epsilon} is out of reach: noiseMultiplier ${high / 2} gives ${at(high / 2)}; lower the counts or the sampling, or raise delta ${delta}`,
      );
    }
  }
  let low = high / 2;
  while (at(low) <= epsilon) {
    high = low;
    low /= 2;
    if (low < leastNoise) return { noiseMultiplier: high, epsilon: at(high) };
  }
  const noiseMultiplier = leastKeeping(low, high, (value) => at(value) <= epsilon);
  return { noiseMultiplier, epsilon: at(noiseMultiplier) };
}

/**
 * The largest sampling probability, to a relative 1e-6 and rounded down, with which the events keep ε at δ.
 *
 * @throws {INVALID_INPUT} when the events have not exactly one sampling probability, or none above 1e-9 keeps ε
 */
export function calibrateSampling({ events, epsilonAt }: WithAccountant, epsilon: number, delta: number) {
  requireOne(events, 'samplingProbability');
  const at = (rate: number) => epsilonAt(withField(events, 'samplingProbability', rate), delta);
  if (at(1) <= epsilon) return { samplingProbability: 1, epsilon: at(1) };
  let low = 1;
  while (!(at(low) <= epsilon)) {
    low /= 4;
    if (low < 1e-9) {
      throw new SottoError(
        'INVALID_INPUT',
        `epsilon ${epsilon} is out of reach: samplingProbability ${low * 4} gives ${at(low * 4)}; lower the counts, add noise or raise delta ${delta}`,
      );
    }
  }
  // 1/q, so that "more keeps" as with noise.
  const inverse = leastKeeping(1 / Math.min(1, low * 4), 1 / low, (value) => at(1 / value) <= epsilon);
  return { samplingProbability: 1 / inverse, epsilon: at(1 / inverse) };
}

/** How often all events may happen, together, and keep ε at δ; Infinity where they cost nothing. */
export function maxSteps({ events, epsilonAt }: WithAccountant, epsilon: number, delta: number) {
  const at = (steps: number) =>
    epsilonAt(
      events.map((event) => ({ ...event, count: event.count * steps })),
      delta,
    );
  const epsilonAtNext = at(1);
  if (!(epsilonAtNext <= epsilon)) return { maxSteps: 0, epsilonAt: 0, epsilonAtNext };
  let low = 1;
  let high = 2;
  while (at(high) <= epsilon) {
    low = high;
    high *= 2;
    if (high > mostSteps) return { maxSteps: Infinity, epsilonAt: at(low), epsilonAtNext: at(low) };
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (at(middle) <= epsilon) low = middle;
    else high = middle;
  }
  return { maxSteps: low, epsilonAt: at(low), epsilonAtNext: at(high) };
}

/** The least value in (low, high] that keeps, where low does not and high does. */
function leastKeeping(low: number, high: number, keeps: (value: number) => boolean): number {
  let under = low;
  let over = high;
  while (over / under > 1 + closeEnough) {
    const middle = Math.sqrt(under * over);
    if (keeps(middle)) over = middle;
    else under = middle;
  }
  return over;
}

type Field = 'noiseMultiplier' | 'samplingProbability';

/** Events with one field set to another value wherever it is. */
function withField(events: readonly AccountingEvent[], field: Field, value: number): AccountingEvent[] {
  return events.map((event) => setField(event, field, value));
}

function setField(event: AccountingEvent, field: Field, value: number): AccountingEvent {
  const changed = field in event ? { ...event, [field]: value } : event;
  if ('inner' in changed) return { ...changed, inner: setField(changed.inner, field, value) };
  if (changed.type === 'composed') return { ...changed, events: withField(changed.events, field, value) };
  return changed;
}

/** With several there are many answers, and one of them would be chosen here in silence. */
function requireOne(events: readonly AccountingEvent[], field: Field): void {
  const found = new Set(events.flatMap((event) => fieldsOf(event, field)));
  if (found.size !== 1) {
    throw new SottoError(
      'INVALID_INPUT',
      `events have ${found.size} values of ${field}: expected exactly one to look for`,
    );
  }
}

function fieldsOf(event: AccountingEvent, field: Field): unknown[] {
  const own = field in event ? [new Map<string, unknown>(Object.entries(event)).get(field)] : [];
  if ('inner' in event) return [...own, ...fieldsOf(event.inner, field)];
  if (event.type === 'composed') return [...own, ...event.events.flatMap((inner) => fieldsOf(inner, field))];
  return own;
}
