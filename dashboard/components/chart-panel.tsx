'use client';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { Panel } from './panel.tsx';

export type ChartPanelProps = {
  id: string;
  title: string;
  note: ReactNode;
  className?: string;
  chart: ReactNode;
  /** The same figures as a real table, behind a button. Null while there are none. */
  table: ReactNode | null;
  children?: ReactNode;
};

/** A panel with a chart, and the data of the chart as a table behind a button. */
export function ChartPanel({ id, title, note, className, chart, table, children }: ChartPanelProps) {
  const [asTable, setAsTable] = useState(false);
  const shown = asTable && table !== null;
  return (
    <Panel
      id={id}
      title={title}
      className={className}
      note={
        <>
          <span>{note}</span>
          {table === null ? null : (
            <button
              type="button"
              className="button button-quiet"
              aria-pressed={asTable}
              aria-label={`${title} as a table`}
              onClick={() => setAsTable(!asTable)}
            >
              Table
            </button>
          )}
        </>
      }
    >
      {shown ? (
        <div className="scroll" role="region" aria-label={`${title}, table`} tabIndex={0}>
          {table}
        </div>
      ) : (
        chart
      )}
      {children}
    </Panel>
  );
}
