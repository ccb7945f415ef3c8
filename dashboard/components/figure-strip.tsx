import {
  formatBytes,
  formatCount,
  formatDelta,
  formatDuration,
  formatEpsilon,
  formatRate,
  plural,
} from '../lib/format.ts';
import { intervalText } from '../lib/interval.ts';
import type { RunStatus } from '../lib/run-types.ts';
import { mayBeLost, unitWords } from '../lib/run-words.ts';

type Entry = { label: string; figure: string; beside?: string; note: string };

/** At most five figures under the sentence, each with its unit and what it is measured against. */
export function FigureStrip({ status }: { status: RunStatus }) {
  const entries = [time(status), present(status), epsilon(status), accuracy(status), traffic(status)];
  return (
    <dl className="strip">
      {entries.map((entry) => (
        <div className="strip-cell" key={entry.label}>
          <dt>{entry.label}</dt>
          <dd>
            <span className={`figure${/\d|∞/.test(entry.figure) ? '' : ' figure-word'}`}>{entry.figure}</span>
            {entry.beside === undefined ? null : <span className="beside"> {entry.beside}</span>}
            <span className="strip-note">{entry.note}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}

function time(status: RunStatus): Entry {
  const pace =
    status.secondsPerRound === null ? 'no round released yet' : `${formatDuration(status.secondsPerRound)} a round`;
  if (status.endedAt !== null) {
    const took = (Date.parse(status.endedAt) - Date.parse(status.startedAt)) / 1000;
    return { label: 'Took', figure: formatDuration(Math.max(0, took)), note: pace };
  }
  const remaining = Math.max(0, status.rounds - status.round + (status.stage === 'idle' ? 0 : 1));
  return {
    label: 'Time left',
    figure: status.secondsLeft === null ? 'not known yet' : formatDuration(status.secondsLeft),
    note: status.secondsPerRound === null ? pace : `${plural(remaining, 'round')}, ${pace}`,
  };
}

function present(status: RunStatus): Entry {
  const connected = status.clients.filter((client) => client.connected).length;
  const spare = mayBeLost(status);
  return {
    label: 'Present',
    figure: formatCount(connected),
    beside: `of ${formatCount(status.clients.length)}`,
    note: `floor ${status.minSurvivors} · ${spare === 0 ? 'none may be lost' : `${spare} may be lost`}${
      status.groups === undefined ? '' : ', in each group'
    }`,
  };
}

function epsilon(status: RunStatus): Entry {
  const { epsilon: guarantee, epsilonSoFar, delta, kind } = status.privacy;
  if (kind === 'none' || guarantee === null || delta === null) {
    return { label: 'Privacy', figure: 'none', note: 'ε = ∞: the releases may show records' };
  }
  return {
    label: 'ε at most so far',
    figure: formatEpsilon(epsilonSoFar ?? 0),
    beside: `of ${formatEpsilon(guarantee)}`,
    note: `δ = ${formatDelta(delta)} · ${unitWords(status.unit)}`,
  };
}

function accuracy(status: RunStatus): Entry {
  const last = status.evaluations.at(-1);
  const part = last?.part ?? 'validation';
  const label = `Accuracy, ${part}`;
  if (last === undefined) return { label, figure: 'not yet', note: 'no figure released' };
  if (last.accuracy === null) return { label, figure: 'withheld', note: last.withheld ?? 'noise drowns the figure' };
  return {
    label,
    figure: formatRate(last.accuracy.value),
    beside: intervalText(last.accuracy),
    note: `round ${Math.min(last.round, status.rounds)} · n ≈ ${formatCount(last.units)}`,
  };
}

function traffic(status: RunStatus): Entry {
  const sessions = Math.max(1, status.attempt);
  const perClient = (status.bytesUp + status.bytesDown) / sessions / Math.max(1, status.clients.length);
  return {
    label: 'Traffic',
    figure: formatBytes(status.bytesUp + status.bytesDown),
    note: `${formatBytes(status.bytesUp)} in · ${formatBytes(perClient)} a client and round`,
  };
}
