'use client';
import { formatClock, formatDuration, shortHash } from '../lib/format.ts';
import type { Line } from '../lib/live-connection.ts';
import type { RunStatus } from '../lib/run-types.ts';
import { Brand } from './marks.tsx';
import { ThemeSelect } from './theme-select.tsx';

export type TopBarProps = {
  runs: readonly RunStatus[];
  status: RunStatus | null;
  line: Line | null;
  heardAt: number | null;
  now: number | null;
  onSelect: (runId: string) => void;
  onSignOut: (() => void) | null;
};

const stateWords: Record<RunStatus['state'], string> = {
  waiting: 'waiting',
  running: 'training',
  paused: 'paused',
  finished: 'finished',
  stopped: 'stopped',
  failed: 'failed',
};

export function TopBar({ runs, status, line, heardAt, now, onSelect, onSignOut }: TopBarProps) {
  return (
    <header className="top-bar">
      <div className="top-inner">
        <Brand />
        {status === null ? null : <RunSwitch runs={runs} status={status} onSelect={onSelect} />}
        {status === null ? null : <StateChip status={status} />}
        {status === null ? null : (
          <span className="plan-hash" title={status.planHash}>
            plan <code>{shortHash(status.planHash)}</code>
          </span>
        )}
        <span className="top-space" />
        {line === null ? null : <LineState line={line} heardAt={heardAt} now={now} />}
        <ThemeSelect />
        {onSignOut === null ? null : (
          <button type="button" className="button button-quiet" onClick={onSignOut}>
            Sign out
          </button>
        )}
      </div>
    </header>
  );
}

function RunSwitch({
  runs,
  status,
  onSelect,
}: {
  runs: readonly RunStatus[];
  status: RunStatus;
  onSelect: (id: string) => void;
}) {
  if (runs.length < 2) return <strong className="run-name">{status.name}</strong>;
  return (
    <label className="run-switch">
      <span className="visually-hidden">Run</span>
      <select className="select run-select" value={status.runId} onChange={(event) => onSelect(event.target.value)}>
        {runs.map((run) => (
          <option key={run.runId} value={run.runId}>
            {run.name} · {run.runId.slice(0, 4)} · {stateWords[run.state]}
          </option>
        ))}
      </select>
    </label>
  );
}

function StateChip({ status }: { status: RunStatus }) {
  const live = status.state === 'running';
  const tone = live ? ' chip-live' : status.state === 'failed' ? ' chip-not' : '';
  const ended = status.endedAt === null ? '' : ` · ${formatClock(Date.parse(status.endedAt)).slice(0, 5)}`;
  return (
    <span className={`chip${tone}`}>
      {live ? <span className="dot" aria-hidden="true" /> : null}
      {stateWords[status.state]}
      {ended}
    </span>
  );
}

function LineState({ line, heardAt, now }: { line: Line; heardAt: number | null; now: number | null }) {
  const ago = heardAt === null || now === null ? '' : `, ${formatAgo((now - heardAt) / 1000)}`;
  const text = line.kind === 'live' ? `live${ago}` : line.kind === 'down' ? 'line down' : 'connecting';
  return (
    <span className="line-state">
      <span className={`dot dot-${line.kind}`} aria-hidden="true" />
      {text}
    </span>
  );
}

function formatAgo(seconds: number): string {
  return seconds < 2
    ? 'just now'
    : `${formatDuration(Math.floor(seconds / (seconds < 10 ? 1 : 5)) * (seconds < 10 ? 1 : 5)).replace('.0 s', ' s')} ago`;
}
