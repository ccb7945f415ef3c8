import type { Threshold } from '../plan/plan-schema.ts';
import { figureTitle } from './figure-words.ts';
import { insideFloor } from './noise-floor.ts';
import { numberText } from './number-text.ts';
import type { ReportFigure, ReportNamedFigure, Verdict } from './report-schema.ts';

/** What a threshold comes to, and why. */
export type Judged = { readonly verdict: Verdict; readonly reason: string };

/**
 * Holds a figure to a threshold by where its interval lies: wholly on the asked side, met; wholly on the other one, not met; else nobody
 * can tell. A figure that privacy noise alone would show (inside its floor) is never held against a model. Nothing is known of a figure
 * that is withheld.
 *
 * @param named - null where the run measured no such figure.
 * @param units - noisy number of units behind the figure: says how many would settle it.
 */
export function judge(threshold: Threshold, named: ReportNamedFigure | null, units: number): Judged {
  if (named === null)
    return { verdict: 'notMeasured', reason: 'No release of the run holds this figure of this model.' };
  const { figure, withheld, floor } = named;
  if (figure === null) {
    return {
      verdict: 'cannotTell',
      reason: `The figure is withheld: ${withheld ?? 'too few units beside the noise'}.`,
    };
  }
  const bounds = boundsOf(threshold);
  const missed = bounds.find((bound) => sideOf(figure, bound) === 'other');
  if (missed !== undefined) {
    if (floor !== null && insideFloor(named.name, figure.value, floor)) {
      return {
        verdict: 'cannotTell',
        reason: `${numberText(figure.value)} lies inside the noise floor ${numberText(floor)}: privacy noise alone can show this.`,
      };
    }
    return {
      verdict: 'notMet',
      reason: `The whole interval ${intervalWords(figure)} is on the other side of ${boundText(missed)}.`,
    };
  }
  const open = bounds.find((bound) => sideOf(figure, bound) === 'both');
  if (open === undefined) {
    return { verdict: 'met', reason: `The whole interval ${intervalWords(figure)} is on the asked side.` };
  }
  const needed = unitsToSettle(figure, open.value, units);
  const settle =
    needed === null
      ? ''
      : ` About ${needed.toLocaleString('en-GB')} units would settle it, if the figure stays where it is.`;
  return {
    verdict: 'cannotTell',
    reason: `The interval ${intervalWords(figure)} holds the threshold ${numberText(open.value)}.${settle}`,
  };
}

/** Within a sentence; a name in capitals stays as it is. */
function lowered(text: string): string {
  return /^[A-Z][a-z]/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** One asked side. */
export type Bound = { readonly side: 'atLeast' | 'atMost'; readonly value: number };

/** The sides that a threshold asks for. */
export function boundsOf({
  atLeast,
  atMost,
}: {
  readonly atLeast?: number | null | undefined;
  readonly atMost?: number | null | undefined;
}): readonly Bound[] {
  return [
    ...(atLeast == null ? [] : [{ side: 'atLeast' as const, value: atLeast }]),
    ...(atMost == null ? [] : [{ side: 'atMost' as const, value: atMost }]),
  ];
}

function sideOf({ low, high }: ReportFigure, { side, value }: Bound): 'asked' | 'other' | 'both' {
  const [least, most] = [low ?? -Infinity, high ?? Infinity];
  if (side === 'atLeast') return least >= value ? 'asked' : most < value ? 'other' : 'both';
  return most <= value ? 'asked' : least > value ? 'other' : 'both';
}

/**
 * Units at which the interval would clear the threshold, two digits, rounded up: sampling shrinks with √n, the noise of a count over n with n.
 * With x = n / n', x · sampling² + x² · noise² = distance². Null where the value is the threshold or the size is not known.
 */
function unitsToSettle(figure: ReportFigure, threshold: number, units: number): number | null {
  const distance = Math.abs(figure.value - threshold);
  const edge = figure.value >= threshold ? figure.low : figure.high;
  if (edge === null || !(units > 0) || distance === 0) return null;
  const noise = figure.noiseHalfWidth ** 2;
  const sampling = Math.max(0, (figure.value - edge) ** 2 - noise);
  const share =
    noise > 0
      ? (Math.sqrt(sampling ** 2 + 4 * noise * distance ** 2) - sampling) / (2 * noise)
      : sampling > 0
        ? distance ** 2 / sampling
        : NaN;
  const needed = units / share;
  if (!(needed > 0) || needed > 1e7) return null;
  const digit = 10 ** Math.max(0, Math.floor(Math.log10(needed)) - 1);
  return Math.ceil(needed / digit) * digit;
}

function intervalWords({ low, high }: ReportFigure): string {
  if (low !== null && low === high) return numberText(low);
  return `${low === null ? '−∞' : numberText(low)} to ${high === null ? '∞' : numberText(high)}`;
}

/** The report's opening sentence, from its verdicts alone. */
export function reportSentence(verdicts: readonly { readonly figure: string; readonly verdict: Verdict }[]): string {
  if (verdicts.length === 0) return 'The plan sets no thresholds.';
  const of = (wanted: Verdict): string[] =>
    verdicts.filter(({ verdict }) => verdict === wanted).map(({ figure }) => lowered(figureTitle(figure)));
  const [missed, open, absent] = [of('notMet'), of('cannotTell'), of('notMeasured')];
  if (missed.length + open.length + absent.length === 0) return 'Every threshold of the plan is met.';
  const parts = [
    missed.length === 0 ? 'Nothing is missed' : `Not met: ${missed.join(', ')}`,
    ...(open.length === 0 ? [] : [`${open.length} of ${verdicts.length} cannot be told at this size`]),
    ...(absent.length === 0 ? [] : [`${absent.length} ${absent.length === 1 ? 'was' : 'were'} not measured`]),
    ...(missed.length === 0 ? [] : [`${verdicts.length - missed.length - open.length - absent.length} met`]),
  ];
  return `${parts.join('; ')}.`;
}

/** What is asked, for example `≥ 0.75`. */
export function boundText({ side, value }: Bound): string {
  return `${side === 'atLeast' ? '≥' : '≤'} ${askedText(value)}`;
}

/** A threshold with the digits that the plan has. */
function askedText(value: number): string {
  return String(value).replace('-', '−');
}
