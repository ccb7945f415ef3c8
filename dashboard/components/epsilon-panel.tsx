import { EpsilonReading } from '../charts/epsilon-reading.tsx';
import { formatEpsilon } from '../lib/format.ts';
import type { RunStatus } from '../lib/run-types.ts';
import { guaranteeWords } from '../lib/run-words.ts';
import { Panel } from './panel.tsx';

/** ε spent of the budget, for the rows that train and the rows that measure, which are different rows. */
export function EpsilonPanel({ status }: { status: RunStatus }) {
  const { kind, epsilon, epsilonSoFar, evaluationEpsilon, evaluationEpsilonSoFar } = status.privacy;
  const part = status.evaluations[0]?.part ?? 'validation';
  if (kind === 'none' || epsilon === null) {
    return (
      <Panel id="epsilon" title="ε spent" note="no privacy">
        <p className="note note-warn">{guaranteeWords(status)}</p>
        <p className="panel-foot">
          The plan asks for none, and every client that takes part allows that in its own policy.
        </p>
      </Panel>
    );
  }
  return (
    <Panel id="epsilon" title="ε spent" note={guaranteeWords(status)}>
      <Spent label="Training rows" soFar={epsilonSoFar ?? 0} guarantee={epsilon} />
      {evaluationEpsilon === null ? null : (
        <Spent
          label={`${part === 'test' ? 'Test' : 'Validation'} rows`}
          soFar={evaluationEpsilonSoFar ?? 0}
          guarantee={evaluationEpsilon}
        />
      )}
      <p className="panel-foot">
        The guarantee counts every sum that the plan allows. “At most so far” counts the sums that were charged, failed
        ones included. Stopping early never lowers what is guaranteed.
      </p>
    </Panel>
  );
}

function Spent({ label, soFar, guarantee }: { label: string; soFar: number; guarantee: number }) {
  return (
    <div className="spent">
      <p className="spent-line">
        <span className="muted">{label}</span>
        <span>
          at most <strong className="small-figure">{formatEpsilon(soFar)}</strong> so far
        </span>
      </p>
      <EpsilonReading label={label} soFar={soFar} guarantee={guarantee} />
    </div>
  );
}
