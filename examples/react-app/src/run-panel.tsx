import type { Sotto } from './use-sotto.ts';

/** How far a run is, what was spent, and the ways out. */
export function RunPanel({ sotto }: { readonly sotto: Sotto }) {
  const { run, rows, books, isPaused } = sotto;
  return (
    <>
      {run !== null && run.outcome !== 'refused' && (
        <label>
          Rounds of “{run.name}”
          <progress max={run.rounds} value={run.released} />
        </label>
      )}
      <dl>
        {rows !== null && (
          <div>
            <dt>Your rows</dt>
            <dd>
              {rows.kept}
              {rows.leftOut > 0 && `, ${rows.leftOut} left out`}
            </dd>
          </div>
        )}
        {run !== null && (
          <div>
            <dt>Rounds</dt>
            <dd>
              {run.released} of {run.rounds}
            </dd>
          </div>
        )}
        {books !== null && (
          <div>
            <dt>Spent of your budget</dt>
            <dd>
              ε ≤ {up(books.epsilonSpent)} of {books.epsilonBudget}
            </dd>
          </div>
        )}
      </dl>
      <div className="buttons">
        <button type="button" onClick={() => void (isPaused ? sotto.resume() : sotto.pause())}>
          {isPaused ? 'Resume' : 'Pause'}
        </button>
        <button type="button" className="quiet" onClick={() => void sotto.stop()}>
          Leave
        </button>
      </div>
    </>
  );
}

/** Rounded up, so that nothing reads cheaper than it is. */
function up(epsilon: number): string {
  return (Math.ceil(epsilon * 100) / 100).toFixed(2);
}
