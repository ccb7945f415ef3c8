import { privacyFacts } from '../lib/privacy-facts.ts';
import type { RunStatus } from '../lib/run-types.ts';
import { Panel } from './panel.tsx';

/** Who sees what, in words. */
export function PrivacyPanel({ status }: { status: RunStatus }) {
  return (
    <Panel id="privacy" title="Who sees what" note={`trust mode ${status.trust}`}>
      <dl className="facts">
        {privacyFacts(status).map((fact) => (
          <div key={fact.term} className="fact">
            <dt>{fact.term}</dt>
            <dd>{fact.text}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}
