'use client';
import { Suspense, lazy, useEffect, useMemo, useState } from 'react';
import { formatClock } from '../lib/format.ts';
import type { RunStatus } from '../lib/run-types.ts';
import { announcement, runSentence } from '../lib/run-words.ts';
import { useAnnouncement } from '../lib/use-announcement.ts';
import { useLiveRuns } from '../lib/use-live-runs.ts';
import { useNow } from '../lib/use-now.ts';
import { dropToken, keepToken, takeToken } from '../lib/view-token.ts';
import { FirstRun } from './first-run.tsx';
import { LineBanner } from './line-banner.tsx';
import { SignIn } from './sign-in.tsx';
import { TopBar } from './top-bar.tsx';

/** Charts are a chunk of their own: nothing can be drawn before the first status anyway. */
const loadRunPage = () => import('./run-page.tsx').then((loaded) => ({ default: loaded.RunPage }));
const RunPage = lazy(loadRunPage);

/** The whole page: who may look, the line, the run that is shown. */
export function LiveApp() {
  const [token, setToken] = useState<string | null | undefined>(undefined);
  const [wanted, setWanted] = useState<string | null>(null);
  useEffect(() => {
    const take = (): void => {
      setToken(takeToken());
      setWanted(new URLSearchParams(window.location.search).get('run'));
    };
    take();
    // A new address pasted into the same tab changes the fragment only, and loads nothing.
    window.addEventListener('hashchange', take);
    return () => window.removeEventListener('hashchange', take);
  }, []);
  useEffect(() => {
    // Fetched beside the first status, not after it.
    if (typeof token === 'string') void loadRunPage();
  }, [token]);
  const { line, runs, heardAt, tryNow } = useLiveRuns(token ?? null);
  const now = useNow();
  const list = useMemo(() => newestFirst(runs), [runs]);
  const status =
    list.find((run) => run.runId === wanted) ?? list.find((run) => run.endedAt === null) ?? list[0] ?? null;
  const signedIn = token !== null && token !== undefined && line.kind !== 'refused';
  const down = line.kind === 'down';
  const spoken = useAnnouncement(
    !signedIn ? '' : down ? lineWords(heardAt) : status === null ? '' : announcement(status),
    down || status?.state === 'failed',
  );

  function select(runId: string): void {
    setWanted(runId);
    window.history.replaceState(null, '', `?run=${encodeURIComponent(runId)}`);
  }

  function signOut(): void {
    dropToken();
    setToken(null);
  }

  useEffect(() => {
    document.title = status === null ? 'Sotto' : `${status.name} · Sotto`;
  }, [status]);

  return (
    <>
      <a className="skip-link" href="#main">
        Skip to the run
      </a>
      <TopBar
        runs={list}
        status={signedIn ? status : null}
        line={signedIn ? line : null}
        heardAt={heardAt}
        now={now}
        onSelect={select}
        onSignOut={signedIn ? signOut : null}
      />
      <div className="visually-hidden" role="status" aria-live="polite">
        {spoken}
      </div>
      {token === undefined ? (
        <Quiet text="Opening." />
      ) : !signedIn ? (
        <SignIn
          key={line.kind}
          refused={token !== null && line.kind === 'refused'}
          onToken={(next) => {
            keepToken(next);
            setToken(next);
          }}
        />
      ) : (
        <>
          {down ? <LineBanner line={line} heardAt={heardAt} now={now} onTryNow={tryNow} /> : null}
          {runs === null ? (
            <Quiet text={down ? 'No figures yet.' : 'Asking the coordinator for its runs.'} />
          ) : status === null ? (
            <FirstRun />
          ) : (
            <main id="main" className="page">
              <Suspense fallback={<h1>{runSentence(status)}</h1>}>
                <RunPage status={status} now={now} />
              </Suspense>
            </main>
          )}
        </>
      )}
    </>
  );
}

function Quiet({ text }: { text: string }) {
  return (
    <main id="main" className="page">
      <h1>{text}</h1>
    </main>
  );
}

function lineWords(heardAt: number | null): string {
  return `The line to the coordinator is down.${heardAt === null ? '' : ` Figures are of ${formatClock(heardAt)}.`}`;
}

function newestFirst(runs: ReadonlyMap<string, RunStatus> | null): RunStatus[] {
  return [...(runs?.values() ?? [])].sort((one, other) => other.startedAt.localeCompare(one.startedAt));
}
