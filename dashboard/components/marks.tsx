import type { StageMark } from '../lib/stages.ts';

/** Marks differ by silhouette, never by colour alone; every one stands beside its word or carries a hidden one. */
export function StageIcon({ mark }: { mark: StageMark }) {
  if (mark === 'done') {
    return (
      <svg className="mark mark-done" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6.5" fill="none" stroke="currentColor" strokeWidth="1.3" />
        <path d="M5.2 8.2 7.2 10.2 10.9 6.2" fill="none" stroke="currentColor" strokeWidth="1.5" />
      </svg>
    );
  }
  if (mark === 'now') {
    return (
      <svg className="mark mark-now" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="2.2" strokeDasharray="24 14" />
      </svg>
    );
  }
  return (
    <svg className="mark mark-waiting" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="2" fill="currentColor" />
    </svg>
  );
}

export function LostIcon() {
  return (
    <svg className="mark" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <circle cx="8" cy="8" r="6" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M4 12 12 4" stroke="currentColor" strokeWidth="1.6" />
    </svg>
  );
}

export function RefusedIcon() {
  return (
    <svg className="mark" width="16" height="16" viewBox="0 0 16 16" aria-hidden="true">
      <rect x="2.5" y="2.5" width="11" height="11" fill="none" stroke="currentColor" strokeWidth="1.6" />
      <path d="M5 8h6" stroke="currentColor" strokeWidth="1.6" />
    </svg>
  );
}

export function Brand() {
  return (
    <span className="brand">
      <svg width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
        <path
          d="M2.5 11.5c1.8 0 2-5 4.2-5s2.6 7 4.9 7 2.2-5 5.9-5"
          fill="none"
          stroke="var(--accent)"
          strokeWidth="2"
          strokeLinecap="round"
        />
      </svg>
      Sotto
    </span>
  );
}
