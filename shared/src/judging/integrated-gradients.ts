import { gaussLegendre, type Quadrature } from './gauss-legendre.ts';
import { requireWidth, type ScalarOutput } from './scalar-output.ts';

/** What integrated gradients gave each input, and how far they are from adding up. */
export type IntegratedGradients = {
  /** [inputs]. */
  readonly attributions: Float64Array;
  /** Completeness: the sum of the attributions less the difference of the outputs at row and baseline; 0 were it exact. */
  readonly gap: number;
  /** Gradients that were taken. */
  readonly points: number;
  /** Whether the pieces' gaps, each without its sign, add up to no more than the tolerance. */
  readonly converged: boolean;
};

export type IntegratedGradientsOptions = {
  /** Largest gap, in the output's unit; 1e-4 where not given. */
  readonly tolerance?: number;
  /** Most gradients to take; 16,384 where not given. */
  readonly maxPoints?: number;
};

/**
 * Integrated gradients by one rule over the whole path from baseline to row.
 * @returns attributions, [inputs].
 * @see Sundararajan, Taly, Yan 2017, "Axiomatic Attribution for Deep Networks", eq. 1.
 */
export function integratedGradientsBy(
  rule: Quadrature,
  output: ScalarOutput,
  input: Float64Array,
  baseline: Float64Array,
): Float64Array {
  requireWidth('row', input, output.inputs);
  requireWidth('baseline', baseline, output.inputs);
  return pieceAttributions(rule, output, input, baseline, 0, 1);
}

/**
 * Integrated gradients to a stated completeness. The path is cut into pieces, each with Gauss–Legendre's rule of eight points and
 * a gap of its own; the piece with the largest gap is halved until all gaps together are below the tolerance. A smooth model
 * needs one piece; the kinks of relu layers, where a rule over the whole path converges no faster than 1 / points, are closed
 * in on by halving.
 *
 * @param input - one encoded row, [inputs].
 * @param baseline - encoded, [inputs]; it must be public, not a statistic of local rows.
 * @see Sundararajan, Taly, Yan 2017, eq. 1 and proposition 1 (completeness).
 * @throws {INVALID_INPUT} when a width does not fit.
 */
export function integratedGradients(
  output: ScalarOutput,
  input: Float64Array,
  baseline: Float64Array,
  { tolerance = 1e-4, maxPoints = 16_384 }: IntegratedGradientsOptions = {},
): IntegratedGradients {
  requireWidth('row', input, output.inputs);
  requireWidth('baseline', baseline, output.inputs);
  const rule = gaussLegendre(8);
  const valueAt = (place: number): number => output.value(between(input, baseline, place), 1)[0]!;
  let points = 0;
  const piece = (from: number, to: number, valueFrom: number, valueTo: number) => {
    points += rule.nodes.length;
    const attributions = pieceAttributions(rule, output, input, baseline, from, to);
    return { from, to, valueFrom, valueTo, attributions, gap: sum(attributions) - (valueTo - valueFrom) };
  };
  const [start, end] = [valueAt(0), valueAt(1)];
  const pieces = [piece(0, 1, start, end)];
  let total = Math.abs(pieces[0]!.gap);
  while (total > tolerance && points + 2 * rule.nodes.length <= maxPoints) {
    let worst = 0;
    for (let i = 1; i < pieces.length; i++) if (Math.abs(pieces[i]!.gap) > Math.abs(pieces[worst]!.gap)) worst = i;
    const { from, to, valueFrom, valueTo } = pieces[worst]!;
    const middle = (from + to) / 2;
    const valueMiddle = valueAt(middle);
    pieces[worst] = piece(from, middle, valueFrom, valueMiddle);
    pieces.push(piece(middle, to, valueMiddle, valueTo));
    total = pieces.reduce((gaps, { gap }) => gaps + Math.abs(gap), 0);
  }
  const attributions = new Float64Array(output.inputs);
  for (const part of pieces) part.attributions.forEach((value, i) => (attributions[i]! += value));
  return { attributions, gap: sum(attributions) - (end - start), points, converged: total <= tolerance };
}

/** (row - baseline) times the integral of the gradient over a piece of the path. */
function pieceAttributions(
  rule: Quadrature,
  output: ScalarOutput,
  input: Float64Array,
  baseline: Float64Array,
  from: number,
  to: number,
): Float64Array {
  const { inputs } = output;
  const count = rule.nodes.length;
  const path = new Float64Array(count * inputs);
  rule.nodes.forEach((node, i) => path.set(between(input, baseline, from + node * (to - from)), i * inputs));
  const gradients = output.gradient(path, count);
  return Float64Array.from({ length: inputs }, (_, i) => {
    let integral = 0;
    for (let point = 0; point < count; point++) integral += rule.weights[point]! * gradients[point * inputs + i]!;
    return (input[i]! - baseline[i]!) * integral * (to - from);
  });
}

function between(input: Float64Array, baseline: Float64Array, place: number): Float64Array {
  return input.map((value, i) => baseline[i]! + place * (value - baseline[i]!));
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
