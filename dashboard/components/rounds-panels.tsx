import { SecondsChart } from '../charts/seconds-chart.tsx';
import { formatDuration } from '../lib/format.ts';
import type { RecentRound, RunStatus } from '../lib/run-types.ts';
import { ChartPanel } from './chart-panel.tsx';
import { LostIcon } from './marks.tsx';
import { Panel } from './panel.tsx';

/** Sessions that the chart and the table show: more would be slivers. */
const shown = 100;

export function SecondsPanel({ status }: { status: RunStatus }) {
  const rounds = status.recentRounds.slice(-shown);
  return (
    <ChartPanel
      id="seconds"
      className="span-6"
      title="Seconds a round"
      note="from opening to release"
      chart={<SecondsChart rounds={rounds} />}
      table={rounds.length === 0 ? null : <RoundTable rounds={rounds} />}
    />
  );
}

export function RoundsPanel({ status }: { status: RunStatus }) {
  const rounds = status.recentRounds.slice(-shown);
  const note = status.attempt === 0 ? 'none yet' : `${status.attempt} sessions, ${status.failedAttempts} failed`;
  return (
    <Panel id="rounds" className="span-6" title="Recent rounds" note={note}>
      {rounds.length === 0 ? (
        <p className="panel-foot">The first sum has not ended yet. Each one is listed here with who survived it.</p>
      ) : (
        <div className="scroll rounds-scroll" role="region" aria-label="Recent rounds, table" tabIndex={0}>
          <RoundTable rounds={rounds} />
        </div>
      )}
    </Panel>
  );
}

function RoundTable({ rounds }: { rounds: readonly RecentRound[] }) {
  return (
    <table className="table">
      <caption className="visually-hidden">Recent sessions, newest first</caption>
      <thead>
        <tr>
          <th scope="col">Round</th>
          <th scope="col">Outcome</th>
          <th scope="col" className="number">
            Clients
          </th>
          <th scope="col" className="number">
            Time
          </th>
          <th scope="col" className="number wide-only">
            Norm
          </th>
        </tr>
      </thead>
      <tbody>
        {rounds.toReversed().map((round) => (
          <tr key={round.attempt}>
            <th scope="row">{round.round}</th>
            <td>
              <Outcome round={round} />
            </td>
            <td className="number">
              {round.survivors} <span className="faint">of {round.cohort}</span>
            </td>
            <td className="number">{formatDuration(round.seconds)}</td>
            <td className="number wide-only">{round.releaseNorm === null ? '–' : round.releaseNorm.toPrecision(3)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Outcome({ round }: { round: RecentRound }) {
  if (round.outcome === 'failed') {
    return (
      <span className="apart apart-lost">
        <LostIcon />
        <span>failed: {round.reason ?? 'no reason recorded'}</span>
      </span>
    );
  }
  return <span>{round.reason === null ? 'released' : `released; ${round.reason}`}</span>;
}
