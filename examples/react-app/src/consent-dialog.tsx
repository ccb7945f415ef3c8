import { useEffect, useRef } from 'react';
import type { ConsentRequest } from '@sotto/client';
import type { Sotto } from './use-sotto.ts';

/** Asks before a plan runs on these rows for the first time, in the words of its privacy card. */
export function ConsentDialog({
  request: { runId, words },
  answer,
}: {
  readonly request: ConsentRequest;
  readonly answer: Sotto['answer'];
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const parts = [
    ['What is asked', words.asked],
    ['What leaves this browser', words.leaves],
    ['What it costs', words.cost],
    ['What no number covers', words.outside],
  ] as const;
  return (
    // A no is remembered: the Escape key must not say it by accident.
    <dialog ref={dialog} aria-labelledby="consent" onCancel={(event) => event.preventDefault()}>
      <h2 id="consent">{words.title}</h2>
      <div className="scrolled" role="region" aria-label="What is asked of you" tabIndex={0}>
        {parts.map(([title, sentences]) => (
          <section key={title}>
            <h3>{title}</h3>
            <ul>
              {sentences.map((sentence) => (
                <li key={sentence}>{sentence}</li>
              ))}
            </ul>
          </section>
        ))}
      </div>
      <div className="buttons">
        <button type="button" onClick={() => answer(runId, true)}>
          Agree
        </button>
        <button type="button" className="quiet" onClick={() => answer(runId, false)}>
          Decline
        </button>
      </div>
    </dialog>
  );
}
