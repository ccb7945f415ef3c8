import type { ReactNode } from 'react';

export type PanelProps = { id: string; title: string; note?: ReactNode; className?: string; children: ReactNode };

/** A titled region of the page. A panel never holds a panel. */
export function Panel({ id, title, note, className = '', children }: PanelProps) {
  return (
    <section className={`panel ${className}`} aria-labelledby={`${id}-title`}>
      <header className="panel-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {note === undefined ? null : <div className="panel-note">{note}</div>}
      </header>
      {children}
    </section>
  );
}
