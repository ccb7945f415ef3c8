import { SottoError } from '../../errors/index.ts';
import { type AccountingEvent, type Neighboring, refuseEvent } from './accounting-event.ts';
import { gaussianDelta, gaussianEpsilon } from './analytic-gaussian.ts';
import { bandedSensitivity } from './banded-toeplitz.ts';
import { composedDelta, composedEpsilon, longestTransform } from './compose-losses.ts';
import { clipsOf, gaussianMuSquared } from './gaussian-equivalent.ts';
import {
  type AtomPair,
  atomsOnGrid,
  atomStd,
  discreteGaussianAtoms,
  discreteLaplaceAtoms,
  epsDeltaAtoms,
  laplaceAtoms,
  randomizedResponseAtoms,
  sampleAtoms,
} from './loss-atoms.ts';
import type { LossDistribution, LossPair } from './loss-distribution.ts';
import { needsReplacement, onlyOneSensitivity, requirePoisson, treeDepth } from './rdp-of-events.ts';
import { lossRange, lossStd, replacedGaussianLosses, sampledGaussianLosses } from './sampled-gaussian.ts';
import { truncatedPoissonLosses, truncatedPoissonScale } from './truncated-poisson.ts';

/** One kind of release that is no unsampled Gaussian: what the choice of a grid needs, and its losses on one. */
type LossKind = {
  readonly count: number;
  /** Of the loss of one release. */
  readonly std: number;
  /** From its least to its largest loss. */
  readonly width: number;
  /** Largest finite loss, Infinity where there is none. */
  readonly largest: number;
  readonly infinite: number;
  /** All losses lie on multiples of it, or its corners do. */
  readonly spacing: number | null;
  readonly lossesAt: (gridWidth: number) => LossPair;
};

/** All releases of a case: the unsampled Gaussians as one, the rest by kind. */
export type Losses = {
  /** μ² = Σ count/z² of the unsampled Gaussians, as seen by the neighbouring. Infinity: something goes out without noise. */
  readonly muSquared: number;
  readonly kinds: readonly LossKind[];
};

/**
 * What the events are to the PLD accountant.
 *
 * @throws {UNSUPPORTED_EVENT} where no dominating pair is known for an event under this neighbouring
 */
export function lossesOf(events: readonly AccountingEvent[], neighboring: Neighboring): Losses {
  let muSquared = 0;
  const kinds = new Map<string, LossKind>();
  for (const event of events) {
    const one = lossesOfOne(event, neighboring);
    if (event.count === 0) continue;
    if (one.muSquared > 0) muSquared += event.count * one.muSquared;
    for (const [name, kind] of one.kinds) {
      const count = (kinds.get(name)?.count ?? 0) + event.count * kind.count;
      kinds.set(name, { ...kind, count });
    }
  }
  return { muSquared, kinds: [...kinds.values()] };
}

type Named = { readonly muSquared: number; readonly kinds: readonly (readonly [string, LossKind])[] };

const nothing: Named = { muSquared: 0, kinds: [] };
const noNoise: Named = { muSquared: Infinity, kinds: [] };

/** One occurrence of an event. */
function lossesOfOne(event: AccountingEvent, neighboring: Neighboring): Named {
  const clips = clipsOf(neighboring);
  const replaceOne = neighboring === 'replace-one';
  switch (event.type) {
    case 'gaussian':
      return gaussian(event.noiseMultiplier / clips);
    case 'tree':
      if (neighboring !== 'replace-special') refuseEvent(event, 'needs replace-special (zero-out)');
      return gaussian(event.noiseMultiplier / Math.sqrt(treeDepth(event.stepCounts)));
    case 'bandedToeplitz':
      return gaussian(event.noiseStddevOverClip / (bandedSensitivity(event) * clips));
    case 'composed': {
      const parts = event.events.map((inner) => ({ inner, ...lossesOfOne(inner, neighboring) }));
      return {
        muSquared: parts.reduce(
          (sum, part) => sum + (part.inner.count === 0 ? 0 : part.inner.count * part.muSquared),
          0,
        ),
        kinds: parts
          .flatMap((part) =>
            part.kinds.map(([name, kind]) => [name, { ...kind, count: kind.count * part.inner.count }] as const),
          )
          .filter(([, kind]) => kind.count > 0),
      };
    }
    case 'poisson':
      return poisson(event, neighboring);
    case 'truncatedPoisson': {
      const { datasetSize, maxBatch } = event;
      const noiseMultiplier = Math.min(mostNoise, event.noiseMultiplier);
      const samplingProbability = event.samplingProbability === 0 ? 0 : Math.max(leastRate, event.samplingProbability);
      if (samplingProbability === 0 || maxBatch === 0 || datasetSize === 0) return nothing;
      if (noiseMultiplier === 0) return noNoise;
      const raised = { ...event, samplingProbability, noiseMultiplier };
      const scale = truncatedPoissonScale(raised, neighboring);
      return named(event, neighboring, {
        ...(scale ?? outOfRange(event)),
        ...unbounded,
        lossesAt: (gridWidth) => truncatedPoissonLosses(raised, neighboring, gridWidth),
      });
    }
    case 'laplace': {
      if (replaceOne) refuseEvent(event, onlyOneSensitivity);
      if (event.noiseMultiplier === 0) return noNoise;
      const noiseMultiplier = Math.min(mostNoise, event.noiseMultiplier);
      const spacing = 1 / noiseMultiplier;
      const rough = laplaceAtoms(noiseMultiplier, spacing / 50);
      return named(event, neighboring, {
        ...scaleOfAtoms(rough),
        largest: spacing,
        spacing,
        lossesAt: (gridWidth) => onGrid(laplaceAtoms(noiseMultiplier, gridWidth), gridWidth),
      });
    }
    case 'discreteLaplace':
    case 'discreteGaussian':
    case 'randomizedResponse':
    case 'epsDelta': {
      const atoms = finiteAtoms(event, neighboring);
      if (typeof atoms === 'string') return atoms === 'nothing' ? nothing : noNoise;
      return named(event, neighboring, ofAtoms(atoms.pair, atoms.spacing));
    }
    case 'withoutReplacement':
    case 'zcdp':
    case 'skellam':
    case 'distributedDiscreteGaussian':
    case 'repeatAndSelect':
      return refuseEvent(event, 'no dominating pair is known, so it has no PLD; see its RDP');
  }
}

/** Rarer sampling and more noise are accounted as these, which cost more: a grid for them would be too fine. */
const leastRate = 1e-9;
const mostNoise = 1e9;

const unbounded = { largest: Infinity, infinite: 0, spacing: null };

function gaussian(noiseMultiplier: number): Named {
  return { muSquared: 1 / noiseMultiplier ** 2, kinds: [] };
}

function named(event: AccountingEvent, neighboring: Neighboring, kind: Omit<LossKind, 'count'>): Named {
  return { muSquared: 0, kinds: [[JSON.stringify({ ...event, count: 1, neighboring }), { ...kind, count: 1 }]] };
}

function poisson(event: Extract<AccountingEvent, { type: 'poisson' }>, neighboring: Neighboring): Named {
  requirePoisson(event);
  const { inner } = event;
  const q = event.samplingProbability === 0 ? 0 : Math.max(leastRate, event.samplingProbability);
  const replaceOne = neighboring === 'replace-one';
  const muSquared = gaussianMuSquared(inner);
  if (muSquared !== null) {
    if (q === 0 || muSquared === 0) return nothing;
    const z = Math.min(mostNoise, 1 / Math.sqrt(muSquared));
    if (q === 1 || z === 0) return gaussian(z / clipsOf(neighboring));
    const range = lossRange(q, z, replaceOne) ?? outOfRange(event);
    return named(
      {
        type: 'poisson',
        samplingProbability: q,
        inner: { type: 'gaussian', noiseMultiplier: z, count: 1 },
        samplingDone: 'poisson',
        count: 1,
      },
      neighboring,
      {
        std: lossStd(q, z, replaceOne),
        width: range.highest - range.lowest,
        ...unbounded,
        lossesAt: (gridWidth) =>
          replaceOne ? replacedGaussianLosses(q, z, gridWidth) : sampledGaussianLosses(q, z, gridWidth),
      },
    );
  }
  if (replaceOne) refuseEvent(event, `of ${inner.type} under replace-one: only Gaussians are known inside`);
  const onePair = sampledAtoms(event, neighboring);
  if (q === 0 || onePair === 'nothing') return nothing;
  if (onePair === 'noNoise') return noNoise;
  const { width, largest } = scaleOfAtoms(onePair);
  if (!(Math.max(width, largest) < largestSampledLoss)) outOfRange(event);
  return named(event, neighboring, ofAtoms(sampleAtoms(onePair, q), null));
}

/** The dominating pair inside of a Poisson sample, as atoms. */
function sampledAtoms(
  event: Extract<AccountingEvent, { type: 'poisson' }>,
  neighboring: Neighboring,
): AtomPair | 'nothing' | 'noNoise' {
  const { inner } = event;
  if (
    inner.type !== 'laplace' &&
    inner.type !== 'discreteLaplace' &&
    inner.type !== 'discreteGaussian' &&
    inner.type !== 'epsDelta'
  ) {
    refuseEvent(event, `of ${inner.type}: no dominating pair is known`);
  }
  if (inner.count !== 1) {
    if (inner.count === 0) return 'nothing';
    refuseEvent(event, `of ${inner.count} times ${inner.type} on one sample: only Gaussians are known so`);
  }
  if (inner.type === 'laplace') {
    // A thousandth of the range: the variance grows by less than 1e-6.
    return inner.noiseMultiplier === 0
      ? 'noNoise'
      : laplaceAtoms(inner.noiseMultiplier, 1 / inner.noiseMultiplier / 1_000);
  }
  const atoms = finiteAtoms(inner, neighboring);
  return typeof atoms === 'string' ? atoms : atoms.pair;
}

/** e^l and e^−l must be numbers where a loss l is sampled. */
const largestSampledLoss = 1_200;

/** Longest list of atoms. */
const mostAtoms = 2_000_000;

function finiteAtoms(
  event: Extract<AccountingEvent, { type: 'discreteLaplace' | 'discreteGaussian' | 'randomizedResponse' | 'epsDelta' }>,
  neighboring: Neighboring,
): { pair: AtomPair; spacing: number | null } | 'nothing' | 'noNoise' {
  const replaceOne = neighboring === 'replace-one';
  switch (event.type) {
    case 'discreteLaplace':
      if (replaceOne) refuseEvent(event, onlyOneSensitivity);
      if (event.sensitivity === 0) return 'nothing';
      if (event.parameter === 0) return 'nothing';
      if (event.sensitivity > mostAtoms) refuseEvent(event, `sensitivity ${event.sensitivity}: at most ${mostAtoms}`);
      return { pair: discreteLaplaceAtoms(event), spacing: event.parameter };
    case 'discreteGaussian':
      if (replaceOne) refuseEvent(event, onlyOneSensitivity);
      if (event.sensitivity === 0) return 'nothing';
      if (event.sigma === 0) return 'noNoise';
      if (event.sigma > mostAtoms / 24) refuseEvent(event, `sigma ${event.sigma}: at most ${mostAtoms / 24}`);
      return { pair: discreteGaussianAtoms(event), spacing: event.sensitivity / (2 * event.sigma ** 2) };
    case 'randomizedResponse': {
      if (neighboring === 'add-or-remove-one') refuseEvent(event, needsReplacement);
      if (event.buckets === 1 || event.noiseParameter === 1) return 'nothing';
      if (event.noiseParameter === 0) return 'noNoise';
      const pair = randomizedResponseAtoms(event, !replaceOne);
      return { pair, spacing: pair.remove.losses[0] ?? null };
    }
    case 'epsDelta':
      return { pair: epsDeltaAtoms(event), spacing: event.epsilon > 0 ? event.epsilon : null };
  }
}

function ofAtoms(pair: AtomPair, spacing: number | null): Omit<LossKind, 'count'> {
  return { ...scaleOfAtoms(pair), spacing, lossesAt: (gridWidth) => onGrid(pair, gridWidth) };
}

function scaleOfAtoms({ remove, add }: AtomPair): Pick<LossKind, 'std' | 'width' | 'largest' | 'infinite'> {
  const losses = [...remove.losses, ...(add?.losses ?? [])];
  let least = Infinity;
  let largest = -Infinity;
  for (const loss of losses) {
    least = Math.min(least, loss);
    largest = Math.max(largest, loss);
  }
  return {
    std: Math.max(atomStd(remove), add === null ? 0 : atomStd(add)),
    width: largest - least,
    largest,
    infinite: Math.max(remove.infinite, add?.infinite ?? 0),
  };
}

function onGrid({ remove, add }: AtomPair, gridWidth: number): LossPair {
  return { remove: atomsOnGrid(remove, gridWidth), add: add === null ? null : atomsOnGrid(add, gridWidth) };
}

function outOfRange(event: AccountingEvent): never {
  return refuseEvent(event, 'so little noise that the loss leaves the range of doubles; see its RDP');
}

/**
 * Grids that are tried, in this order: their width as a share of one release's loss, and the longest transform that they
 * are worth. Rounding adds share²/6 of the loss's variance: 4e-4 of ε at most, and where few samples make a long tail, as
 * with a share of 0.1, less than that of an ε that lies far above the standard deviation. The first is no wider than what
 * dp-accounting takes for every loss.
 */
const epsilonGrids = [
  { share: 0.02, longest: 2 ** 18, widest: 6e-5 },
  { share: 0.02, longest: 2 ** 17 },
  { share: 0.035, longest: 2 ** 18 },
  { share: 0.05, longest: 2 ** 20 },
  { share: 0.1, longest: 2 ** 19 },
  { share: 0.05, longest: longestTransform },
];
/** δ at a given ε asks for finer ones. */
const deltaGrids = [
  { share: 0.005, longest: 2 ** 19 },
  { share: 0.01, longest: longestTransform },
];
/** Widest grid, for single releases with a large loss. */
const widestGrid = 0.005;
/** The same where losses are bounded: there δ(ε) has corners. */
const widestCorneredGrid = 1e-4;
/** Most points of one release's distribution. */
const mostPoints = 2 ** 19;
/** How often the grid is made twice as wide before the search is given up. */
const attempts = 10;

/**
 * ε of all losses at δ, an upper bound: 0 for nothing, Infinity without noise.
 *
 * @param delta - in [0, 1)
 * @throws {UNSUPPORTED_EVENT} where δ is too small for doubles
 */
export function epsilonOfLosses(losses: Losses, delta: number): number {
  const { muSquared, kinds } = losses;
  if (muSquared === Infinity) return Infinity;
  if (kinds.length === 0) {
    if (muSquared === 0) return 0;
    return delta === 0 ? Infinity : gaussianEpsilon(Math.sqrt(muSquared) * (1 + 1e-14), delta);
  }
  const bound = boundedEpsilon(losses, delta);
  if (delta === 0 || bound === 0) return bound;
  const byGrid = onGrids(losses, epsilonGrids, (directions, gridWidth, longest) =>
    composedEpsilon(directions, gridWidth, delta, longest),
  );
  // Written so that a NaN is no figure either.
  if (byGrid !== null && byGrid >= 0) return Math.min(bound, byGrid);
  if (bound < Infinity) return bound;
  if (infiniteMass(losses) >= delta) return Infinity;
  throw new SottoError(
    'UNSUPPORTED_EVENT',
    `delta ${delta} too small for double precision at this many rounds; use RDP`,
  );
}

/** δ of all losses at ε ≥ 0, an upper bound. @throws as {@link epsilonOfLosses} */
export function deltaOfLosses(losses: Losses, epsilon: number): number {
  const { muSquared, kinds } = losses;
  if (muSquared === Infinity) return 1;
  if (kinds.length === 0) {
    if (muSquared === 0) return 0;
    const mu = Math.sqrt(muSquared) * (1 + 1e-14);
    // δ < Φ(−60) there, which no double can hold.
    return epsilon / mu - mu / 2 > 60 ? Number.MIN_VALUE : gaussianDelta(mu, epsilon);
  }
  const infinite = infiniteMass(losses);
  if (boundedEpsilon(losses, infinite) <= epsilon) return infinite;
  const found = onGrids(losses, deltaGrids, (directions, gridWidth, longest) =>
    composedDelta(directions, gridWidth, epsilon, longest),
  );
  // Written so that a NaN is no figure either.
  if (found !== null && found >= 0) return found;
  throw new SottoError(
    'UNSUPPORTED_EVENT',
    `epsilon ${epsilon}: delta is too small for double precision at this many rounds; use RDP`,
  );
}

/** Sum of the largest losses, if what is infinite stays within δ; Infinity else. */
function boundedEpsilon(losses: Losses, delta: number): number {
  if (losses.muSquared > 0 || infiniteMass(losses) > delta) return Infinity;
  return losses.kinds.reduce((sum, { count, largest }) => sum + count * Math.max(0, largest) * (1 + 1e-13), 0);
}

function infiniteMass({ kinds }: Losses): number {
  const log = kinds.reduce((sum, { count, infinite }) => sum + count * Math.log1p(-Math.min(1, infinite)), 0);
  return -Math.expm1(log) * (1 + 1e-13);
}

type Directions = readonly (readonly { loss: LossDistribution; count: number }[])[];

/** Tries `compose` on the grids for these losses, and on ever wider ones where it gives null. */
function onGrids(
  { muSquared, kinds }: Losses,
  grids: readonly { readonly share: number; readonly longest: number; readonly widest?: number }[],
  compose: (directions: Directions, gridWidth: number, longest: number) => number | null,
): number | null {
  const all = muSquared > 0 ? [...kinds, joinedGaussian(Math.sqrt(muSquared))] : kinds;
  const variance = all.reduce((sum, { count, std }) => sum + count * std ** 2, 0);
  const releases = all.reduce((sum, { count }) => sum + count, 0);
  const cornered = all.some(({ spacing, largest }) => spacing !== null || largest < Infinity);
  const widest = cornered ? Math.max(widestCorneredGrid, 2e-4 * Math.sqrt(variance)) : widestGrid;
  const coarsest = Math.max(...all.map(({ width }) => width)) / mostPoints;
  const spacing = all.reduce((most, kind) => Math.max(most, kind.spacing ?? 0), 0);
  for (let attempt = 0; attempt < grids.length + attempts; attempt += 1) {
    // grids is not empty
    const { share, longest, widest: cap = widestGrid } = grids[Math.min(attempt, grids.length - 1)]!;
    const fine = Math.min(cap, widest, share * Math.sqrt(variance / releases));
    let gridWidth = Math.max(fine, coarsest) * 2 ** Math.max(0, attempt - grids.length + 1);
    if (!(gridWidth > 0)) return null;
    // Corners on grid points are met exactly.
    if (spacing > gridWidth / 8) gridWidth = spacing / Math.ceil(spacing / gridWidth);
    const pairs = all.map(({ count, lossesAt }) => ({ count, ...lossesAt(gridWidth) }));
    const directions: Directions = pairs.every(({ add }) => add === null)
      ? [pairs.map(({ count, remove }) => ({ count, loss: remove }))]
      : [
          pairs.map(({ count, remove }) => ({ count, loss: remove })),
          pairs.map(({ count, remove, add }) => ({ count, loss: add ?? remove })),
        ];
    const found = compose(directions, gridWidth, longest);
    if (found !== null) return found;
  }
  return null;
}

/** One Gaussian in the place of all unsampled ones: 1/z² adds up, exactly. */
function joinedGaussian(mu: number): LossKind {
  const z = (1 - 1e-14) / mu;
  const range = lossRange(1, z);
  if (range === null) {
    throw new SottoError(
      'UNSUPPORTED_EVENT',
      `Gaussians of noise multiplier ${z} in all beside others: so little noise that the loss leaves the range of doubles; use RDP`,
    );
  }
  return {
    count: 1,
    std: mu,
    width: range.highest - range.lowest,
    ...unbounded,
    lossesAt: (gridWidth) => ({ remove: sampledGaussianLosses(1, z, gridWidth).remove, add: null }),
  };
}
