import { isSottoError, SottoError } from '../../errors/index.ts';
import { type AccountingCase, accountingCaseSchema, type AccountingQuery } from './accounting-event.ts';
import { bandsOf, bandedSensitivity, prefixErrors } from './banded-toeplitz.ts';
import { calibrateSampling, calibrateSigma, maxSteps, type Search } from './calibrate-case.ts';
import { distributedDiscreteGaussian } from './distributed-discrete-gaussian.ts';
import { noiseSplit } from './noise-split.ts';
import { deltaOfLosses, epsilonOfLosses, lossesOf } from './pld-of-events.ts';
import { rdpOfEvents, widelyUsedRdp } from './rdp-of-events.ts';
import { epsilonOfRdp, logDeltaOfRdp, standardOrders } from './rdp-to-epsilon.ts';

/** Why one of the two accountants has no figure. */
export type Unsupported = { readonly unsupported: true; readonly error: SottoError };

/** What one accountant answers: the field that the query asks for, and `order`, the best one of RDP. */
export type Answer = {
  readonly epsilon?: number;
  readonly delta?: number;
  readonly order?: number;
  readonly orders?: readonly number[];
  readonly values?: readonly number[];
  readonly noiseMultiplier?: number;
  readonly samplingProbability?: number;
  readonly maxSteps?: number;
  readonly epsilonAt?: number;
  readonly epsilonAtNext?: number;
};

type CaseId = string | number | null;

/** The answer to a case: by PLD and by RDP, or why there is none. Figures may be Infinity. */
export type CaseResult =
  | {
      readonly id: CaseId;
      readonly pld?: Answer | Unsupported;
      readonly rdp?: Answer | Unsupported;
      /** Under replace-one, RDP of events whose sensitivity is the replace-one sensitivity already. */
      readonly rdpSensitivityAlreadyDoubled?: Answer;
      /** Of a distributed discrete Gaussian: what its RDP comes from. */
      readonly zcdp?: Readonly<Record<string, number>>;
      /** Of a banded Toeplitz mechanism. */
      readonly sensitivity?: number;
      readonly rmsPrefixErrorPerUnitNoise?: number;
      readonly maxPrefixErrorPerUnitNoise?: number;
      /** Of a noise split. */
      readonly clippedCountStddev?: number;
      readonly updateNoiseMultiplier?: number;
    }
  | { readonly id: CaseId; readonly error: SottoError };

/**
 * Answers one case: events, neighbouring and a query, as data from anywhere. Every figure is an upper bound on ε or δ (or the
 * least noise, the most steps that keep one); where an accountant knows none it says so, and where neither does, or the case
 * is malformed, the result is an error.
 *
 * | query | answer of each accountant |
 * | --- | --- |
 * | `epsilon` {delta} | `epsilon`; RDP its `order`, of `orders` where they are given |
 * | `delta` {epsilon} | `delta` |
 * | `rdpCurve` {orders} | `orders`, `values`: of RDP alone |
 * | `calibrateSigma` {epsilon, delta, accountant} | `noiseMultiplier`, the case's one noise multiplier in its place |
 * | `calibrateSampling` | `samplingProbability`, in the place of the case's one |
 * | `maxSteps` {epsilon, delta} | `maxSteps`, how often all events may happen; `epsilonAt` and `epsilonAtNext` |
 * | `noiseSplit` {noiseMultiplier, clientsPerRound, clippedCountStddev} | see {@link noiseSplit}, beside the id |
 *
 * @param value - parsed JSON of the form of {@link accountingCaseSchema}; fields beyond it are not read
 */
export function accountCase(value: unknown): CaseResult {
  const id = idOf(value);
  try {
    return { id, ...answer(parseCase(value)) };
  } catch (cause) {
    if (isSottoError(cause)) return { id, error: cause };
    throw cause;
  }
}

/** The id that a value gives itself, null where it gives none. */
function idOf(value: unknown): CaseId {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null;
  return typeof id === 'string' || typeof id === 'number' ? id : null;
}

function parseCase(value: unknown): AccountingCase {
  const parsed = accountingCaseSchema.safeParse(value, { reportInput: true });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  const unknown = issue?.code === 'invalid_union' && where.includes('events');
  throw new SottoError(
    unknown ? 'UNSUPPORTED_EVENT' : 'INVALID_INPUT',
    `${where === '' ? 'case' : where} ${show(issue?.input)}: ${issue?.message ?? 'not of a known form'}`,
  );
}

function show(input: unknown): string {
  const text = JSON.stringify(input) ?? String(input);
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

function answer({ neighboring, events, query }: AccountingCase): Omit<CaseResult, 'id'> {
  if (query.kind === 'noiseSplit') {
    return noiseSplit(query.noiseMultiplier, query.clientsPerRound, query.clippedCountStddev ?? null);
  }
  if (events.length === 0) throw new SottoError('INVALID_INPUT', 'events []: expected at least one event');
  checkQuery(query);
  const pld = wanted(query, 'pld') ? attempt(() => byPld(query, { neighboring, events })) : undefined;
  const rdp = wanted(query, 'rdp') ? attempt(() => byRdp(query, { neighboring, events })) : undefined;
  // With no figure from either there is no answer; the first reason says why.
  if (isUnsupported(pld ?? unsupported) && isUnsupported(rdp ?? unsupported)) {
    throw (
      [rdp, pld]
        .map((one) => (one !== undefined && isUnsupported(one) ? one.error : null))
        .find((error) => error !== null) ?? unsupported.error
    );
  }
  return {
    ...(pld === undefined ? {} : { pld }),
    ...(rdp === undefined ? {} : { rdp }),
    ...extras(query, { neighboring, events }, rdp),
  };
}

const unsupported: Unsupported = {
  unsupported: true,
  error: new SottoError('UNSUPPORTED_EVENT', 'no accountant was asked'),
};

function isUnsupported(answered: Answer | Unsupported): answered is Unsupported {
  return 'unsupported' in answered;
}

function wanted(query: AccountingQuery, accountant: 'pld' | 'rdp'): boolean {
  if (query.kind === 'rdpCurve') return accountant === 'rdp';
  return !('accountant' in query) || query.accountant === undefined || query.accountant === accountant;
}

/** What one accountant does not support is no error of the other. */
function attempt(compute: () => Answer): Answer | Unsupported {
  try {
    return compute();
  } catch (cause) {
    if (isSottoError(cause, 'UNSUPPORTED_EVENT')) return { unsupported: true, error: cause };
    throw cause;
  }
}

function checkQuery(query: AccountingQuery): void {
  if (!('delta' in query)) return;
  const { delta } = query;
  // δ = 0 asks for pure differential privacy, to which the answer may be Infinity; a target cannot be that.
  if (!(delta >= 0 && delta < 1) || (delta === 0 && query.kind !== 'epsilon')) {
    throw new SottoError('INVALID_INPUT', `delta ${delta}: delta must be in (0,1)`);
  }
  if (query.kind === 'epsilon' && query.units !== undefined && delta >= 1 / query.units) {
    throw new SottoError(
      'INVALID_INPUT',
      `delta ${delta} is not below 1/units (1/${query.units}): the guarantee would allow exposing a unit`,
    );
  }
}

function byPld(query: AccountingQuery, search: Search): Answer {
  const { events, neighboring } = search;
  const epsilonAt: Search['epsilonAt'] = (one, delta) => epsilonOfLosses(lossesOf(one, neighboring), delta);
  switch (query.kind) {
    case 'epsilon':
      return { epsilon: epsilonAt(events, query.delta) };
    case 'delta':
      return { delta: deltaOfLosses(lossesOf(events, neighboring), query.epsilon) };
    default:
      return bySearch(query, { ...search, epsilonAt });
  }
}

function byRdp(query: AccountingQuery, search: Search): Answer {
  const { events, neighboring } = search;
  const orders = ('orders' in query ? query.orders : undefined) ?? standardOrders;
  const best = (rdp: readonly number[], delta: number) => {
    let found = { epsilon: Infinity, order: orders[0] ?? Number.NaN };
    orders.forEach((order, index) => {
      const epsilon =
        delta === 0 ? (rdp[index] === 0 ? 0 : Infinity) : epsilonOfRdp(rdp[index] ?? Infinity, order, delta);
      if (epsilon < found.epsilon) found = { epsilon, order };
    });
    return found;
  };
  switch (query.kind) {
    case 'rdpCurve':
      return { orders, values: rdpOfEvents(events, neighboring, orders) };
    case 'epsilon':
      return best(rdpOfEvents(events, neighboring, orders), query.delta);
    case 'delta': {
      const { logDelta, order } = logDeltaOfRdp(orders, rdpOfEvents(events, neighboring, orders), query.epsilon);
      return { delta: Math.min(1, Math.exp(logDelta) * (1 + 1e-10)), order };
    }
    default:
      return bySearch(query, {
        ...search,
        // What is to be kept is kept by other tools' looser figure too.
        epsilonAt: (one, delta) => best(rdpOfEvents(one, neighboring, orders, widelyUsedRdp), delta).epsilon,
      });
  }
}

function bySearch(query: AccountingQuery, search: Search & Required<Pick<Search, 'epsilonAt'>>): Answer {
  switch (query.kind) {
    case 'calibrateSigma':
      return calibrateSigma(search, query.epsilon, query.delta);
    case 'calibrateSampling':
      return calibrateSampling(search, query.epsilon, query.delta);
    case 'maxSteps':
      return maxSteps(search, query.epsilon, query.delta);
    default:
      throw new SottoError('INVALID_INPUT', `query ${query.kind}: not known`);
  }
}

/** What some events have to say beside ε. */
function extras(query: AccountingQuery, search: Search, rdp: Answer | Unsupported | undefined): Omit<CaseResult, 'id'> {
  const { events, neighboring } = search;
  const [event] = events;
  const more: Record<string, unknown> = {};
  if (query.kind === 'epsilon' && neighboring === 'replace-one' && rdp !== undefined && !isUnsupported(rdp)) {
    const already = attempt(() => byRdp(query, { events, neighboring: 'add-or-remove-one' }));
    if (!isUnsupported(already)) more['rdpSensitivityAlreadyDoubled'] = already;
  }
  if (
    events.length === 1 &&
    event?.type === 'distributedDiscreteGaussian' &&
    rdp !== undefined &&
    !isUnsupported(rdp)
  ) {
    const { epsilon, order } = rdp;
    more['zcdp'] = { ...distributedDiscreteGaussian(event), ...(epsilon === undefined ? {} : { epsilon, order }) };
  }
  if (events.length === 1 && event?.type === 'bandedToeplitz') {
    const { rms, largest } = prefixErrors(bandsOf(event), event.rounds);
    more['sensitivity'] = bandedSensitivity(event);
    more['rmsPrefixErrorPerUnitNoise'] = rms;
    more['maxPrefixErrorPerUnitNoise'] = largest;
  }
  return more;
}
