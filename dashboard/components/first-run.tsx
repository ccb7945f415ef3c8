'use client';
import { CopyCommand } from './copy-command.tsx';
import { Panel } from './panel.tsx';

/** No run yet: the three commands that lead to one. */
export function FirstRun() {
  // Drawn in the browser only, after the first answer.
  const address = window.location.origin;
  return (
    <main id="main" className="page">
      <h1>Ready. No run has been started yet.</h1>
      <p className="subtitle">This coordinator holds no data, and in secure mode it will see noisy sums only.</p>
      <div className="grid">
        <Panel id="start" className="span-8" title="Start a run">
          <ol className="steps">
            <li>
              <h3>Invite each owner of data</h3>
              <p>
                On the machine with the authority’s key. The key never enters a page. <code>sotto serve</code> shows the
                fingerprint.
              </p>
              <CopyCommand
                command={`sotto-authority invite --name Cleveland --coordinator ${address} --tls-fingerprint HEX`}
              />
            </li>
            <li>
              <h3>Connect it</h3>
              <p>
                On the machine with the data. It makes its identity key there, and enrols with the invitation’s line.
              </p>
              <CopyCommand command="sotto-node join INVITATION" />
            </li>
            <li>
              <h3>Sign a plan and start it</h3>
              <p>Three clients are the fewest for a secure sum. The plan names them all.</p>
              <CopyCommand command="sotto run plan.signed.json" primary />
            </li>
          </ol>
        </Panel>
        <Panel id="demo" className="span-4" title="No data at hand?">
          <p className="panel-text">
            Ten clients with handwritten digits, on one machine, in about two minutes. Nothing leaves it.
          </p>
          <CopyCommand command="npm run demo" />
          <p className="panel-foot">
            In a demonstration one person holds all keys, so it shows the protocol and not the trust.
          </p>
        </Panel>
      </div>
    </main>
  );
}

/** A run that nobody has joined: the command to join, where the sums would be. */
export function NoClients({ minSurvivors }: { minSurvivors: number }) {
  return (
    <section className="note note-advice">
      <h2>Connect the first client</h2>
      <p>
        On each machine with data. The first sum opens when {minSurvivors} clients or more have allowed the plan; until
        then nothing is charged.
      </p>
      <CopyCommand command="sotto-node run --schema schema.json --data patients.csv --policy policy.json" />
    </section>
  );
}
