'use client';
import { formatDuration } from '../lib/format.ts';
import type { RunStatus } from '../lib/run-types.ts';
import { floorSentence, stageSecondsLeft } from '../lib/run-words.ts';
import { answeredCount, clientRows, stageColumns } from '../lib/stages.ts';
import type { ClientRow, StageColumn, StageMark } from '../lib/stages.ts';
import { LostIcon, RefusedIcon, StageIcon } from './marks.tsx';
import { Panel } from './panel.tsx';

const markWords: Record<StageMark, string> = { done: 'done', now: 'waited for', waiting: 'not yet' };

/** The session as a table: a row a client, a column a stage, the current stage tinted with its count and deadline. */
export function SecureSumPanel({ status, now }: { status: RunStatus; now: number | null }) {
  const columns = stageColumns(status.trust);
  const rows = clientRows(status);
  const current = status.state === 'running' ? status.stage : 'idle';
  const over = status.endedAt !== null;
  return (
    <Panel
      id="secure-sum"
      title={over ? 'Clients' : sumTitle(status)}
      note={over ? 'as the run ended' : status.attempt === 0 ? 'no session yet' : `session ${status.attempt}`}
    >
      <div className="scroll sum-scroll" role="region" aria-label="Stages and clients of the session" tabIndex={0}>
        <table className="table sum-table">
          <caption className="visually-hidden">Where each client stands in the stages of the running sum</caption>
          <thead>
            <tr>
              <th scope="col">Client</th>
              {over
                ? null
                : columns.map((column) => (
                    <StageHead key={column.stage} column={column} status={status} current={current} now={now} />
                  ))}
              {over ? <th scope="col">Line</th> : null}
              {over ? null : (
                <th scope="col" className="reached-head">
                  Stage reached
                </th>
              )}
              <th scope="col" className="number">
                Sums survived
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => (
              <ClientLine key={row.client.client} row={row} columns={columns} current={current} over={over} />
            ))}
          </tbody>
        </table>
      </div>
      <p className="panel-foot">{over ? endNote(status) : floorSentence(status)}</p>
    </Panel>
  );
}

function sumTitle({ trust, groups }: RunStatus): string {
  if (groups !== undefined) return `These secure sums, of ${groups.total} groups`;
  return trust === 'secure' ? 'This secure sum' : 'This sum';
}

function endNote(status: RunStatus): string {
  return `${status.attempt} sessions were opened, ${status.failedAttempts} of them failed; failed ones are charged as well.`;
}

function StageHead({
  column,
  status,
  current,
  now,
}: {
  column: StageColumn;
  status: RunStatus;
  current: string;
  now: number | null;
}) {
  const isNow = column.stage === current;
  return (
    <th scope="col" className={`stage-head${isNow ? ' stage-now' : ''}`} aria-current={isNow ? 'step' : undefined}>
      <span className="stage-name">
        {column.number} {column.stage}
      </span>
      <span className="stage-note">{isNow ? stageCount(status, now) : column.note}</span>
    </th>
  );
}

function stageCount(status: RunStatus, now: number | null): string {
  const { answered, asked } = answeredCount(status);
  const left = now === null ? null : stageSecondsLeft(status, now);
  const count = status.stage === 'release' ? 'adding up' : `${answered} of ${asked}`;
  return left === null || status.stage === 'release' ? count : `${count} · ${secondsText(Math.ceil(left))} left`;
}

/** Whole seconds: a deadline that flickers in tenths tells nothing. */
function secondsText(seconds: number): string {
  return seconds < 60 ? `${seconds} s` : formatDuration(seconds);
}

function ClientLine({
  row,
  columns,
  current,
  over,
}: {
  row: ClientRow;
  columns: readonly StageColumn[];
  current: string;
  over: boolean;
}) {
  const { client } = row;
  return (
    <tr>
      <th scope="row">
        <span className="client-name" title={client.name}>
          {client.name}
        </span>
        <span className="client-id mono">{client.client.slice(0, 8)}</span>
        {row.kind === 'marks' && client.reason !== null ? (
          <span className="client-reason">lost before: {client.reason}</span>
        ) : null}
      </th>
      {over ? <td>{client.connected ? 'connected' : 'not connected'}</td> : null}
      {over ? null : row.kind === 'marks' ? (
        row.marks.map((mark, index) => (
          <td
            key={columns[index]?.stage}
            className={`stage-cell${columns[index]?.stage === current ? ' stage-now' : ''}`}
          >
            <StageIcon mark={mark} />
            <span className={mark === 'now' ? 'now-word' : 'visually-hidden'}>{markWords[mark]}</span>
          </td>
        ))
      ) : (
        <td className="stage-cell" colSpan={columns.length}>
          <Apart row={row} />
        </td>
      )}
      {over ? null : (
        <td className="reached-cell">
          {row.kind === 'marks' ? (
            <>
              <StageIcon mark={client.answered ? 'done' : 'now'} />
              <span className={client.answered ? 'nowrap' : 'nowrap now-word'}>{row.reached}</span>
            </>
          ) : (
            <Apart row={row} />
          )}
        </td>
      )}
      <td className="number">{client.sessionsSurvived}</td>
    </tr>
  );
}

function Apart({ row }: { row: Extract<ClientRow, { kind: 'apart' }> }) {
  return (
    <span className={`apart apart-${row.tone}`}>
      {row.tone === 'lost' ? <LostIcon /> : row.tone === 'refused' ? <RefusedIcon /> : null}
      <span>{row.tone === 'lost' ? `lost: ${row.text}` : row.text}</span>
    </span>
  );
}
