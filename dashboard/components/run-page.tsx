'use client';
import { formatEpsilon } from '../lib/format.ts';
import type { RunStatus } from '../lib/run-types.ts';
import { runSentence, runSubtitle } from '../lib/run-words.ts';
import { AccuracyPanel } from './accuracy-panel.tsx';
import { EpsilonPanel } from './epsilon-panel.tsx';
import { FigureStrip } from './figure-strip.tsx';
import { NoClients } from './first-run.tsx';
import { PrivacyPanel } from './privacy-panel.tsx';
import { RoundsPanel, SecondsPanel } from './rounds-panels.tsx';
import { SecureSumPanel } from './secure-sum-panel.tsx';

/** One run: a sentence, five figures, then the evidence. */
export function RunPage({ status, now }: { status: RunStatus; now: number | null }) {
  const nobody = status.endedAt === null && status.attempt === 0 && status.clients.every((client) => !client.connected);
  return (
    <>
      <h1>{runSentence(status)}</h1>
      <p className="subtitle">{runSubtitle(status)}</p>
      {status.state === 'failed' ? <FailureNote status={status} /> : null}
      {nobody ? <NoClients minSurvivors={status.minSurvivors} /> : null}
      <FigureStrip status={status} />
      <div className="grid">
        <div className="stack span-8">
          <SecureSumPanel status={status} now={now} />
          <AccuracyPanel status={status} />
        </div>
        <div className="stack span-4">
          <EpsilonPanel status={status} />
          <PrivacyPanel status={status} />
        </div>
        <SecondsPanel status={status} />
        <RoundsPanel status={status} />
      </div>
      <p className="page-foot">
        {status.purpose}{' '}
        <span className="nowrap">
          Run <code>{status.runId}</code>
        </span>{' '}
        <span className="nowrap">
          · model <code>{status.modelHash.slice(0, 16)}</code>
        </span>
      </p>
    </>
  );
}

/** What failed, what was charged, what happens next. */
function FailureNote({ status }: { status: RunStatus }) {
  const { epsilonSoFar } = status.privacy;
  const charged =
    epsilonSoFar === null
      ? ''
      : ` ε at most ${formatEpsilon(epsilonSoFar)} was charged on every side and stays charged.`;
  const [, code, text] = /^([A-Z][A-Z_]+): ([^]*)$/.exec(status.reason ?? '') ?? [null, null, status.reason];
  return (
    <section className="note note-error" aria-labelledby="failure">
      <h2 id="failure">{sentence(text ?? 'the coordinator recorded no reason')}</h2>
      <p>
        {status.failedAttempts} of {status.attempt} sessions failed.{charged} The model of the last released round is
        kept; a new run needs a newly signed plan.
      </p>
      {typeof code === 'string' ? <code className="faint">{code}</code> : null}
    </section>
  );
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/[^.]$/, '$&.');
}
