import { ConsentDialog } from './consent-dialog.tsx';
import { JoinForm } from './join-form.tsx';
import { PredictForm } from './predict-form.tsx';
import { RunPanel } from './run-panel.tsx';
import { StartForm } from './start-form.tsx';
import { policy, schema } from './task.ts';
import { useSotto } from './use-sotto.ts';
import { statusWords } from './words.ts';

const task = { store: 'findings', schema, policy };

export function App() {
  const sotto = useSotto(task);
  const { phase, asked, model, trouble } = sotto;
  const [request] = asked;
  return (
    <main>
      <header>
        <h1>Findings</h1>
        <p>Train a model with others. Your rows stay in this browser; what leaves it is a share of a noisy sum.</p>
      </header>
      <section aria-labelledby="taking-part">
        <h2 id="taking-part">Taking part</h2>
        <p className="status" role="status">
          {statusWords(sotto)}
        </p>
        {trouble !== null && <p role="alert">{trouble}</p>}
        {phase === 'new' && <JoinForm join={sotto.join} />}
        {phase === 'idle' && <StartForm start={sotto.start} />}
        {phase === 'running' && <RunPanel sotto={sotto} />}
      </section>
      <section aria-labelledby="model">
        <h2 id="model">The model</h2>
        {model === null ? (
          <p>When a run that you took part in has ended, its model is kept here, and predicts offline too.</p>
        ) : (
          <PredictForm key={model.modelHash} model={model} predict={sotto.predict} />
        )}
      </section>
      {request !== undefined && <ConsentDialog key={request.runId} request={request} answer={sotto.answer} />}
    </main>
  );
}
