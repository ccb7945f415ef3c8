'use client';
import { useState } from 'react';
import { tokenFromText } from '../lib/view-token.ts';

/** Asks for the view token and says where it is printed. `refused` is told when the coordinator does not know a token. */
export function SignIn({ refused, onToken }: { refused: boolean; onToken: (token: string) => void }) {
  const [text, setText] = useState('');
  return (
    <main id="main" className="page page-narrow">
      <h1>{refused ? 'The coordinator does not know this token.' : 'This page needs the coordinator’s view token.'}</h1>
      <p className="subtitle">
        <code>sotto serve</code> and <code>npm run demo</code> print an address that ends in <code>#token=…</code>. Open
        it, or paste it here. The token lets this page read runs; it cannot change anything.
      </p>
      <form
        className="panel sign-in"
        onSubmit={(event) => {
          event.preventDefault();
          const token = tokenFromText(text);
          if (token !== '') onToken(token);
        }}
      >
        <label htmlFor="token" className="field-label">
          View token, or the whole address
        </label>
        <input
          id="token"
          className="text-field"
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={text}
          aria-invalid={refused}
          aria-describedby="token-note"
          onChange={(event) => setText(event.target.value)}
        />
        <p id="token-note" className={refused ? 'field-error' : 'field-note'}>
          {refused
            ? 'Each start of a coordinator may print a new token: use the newest.'
            : 'Kept in this tab only, and gone when it closes.'}
        </p>
        <button type="submit" className="button button-primary">
          Open the runs
        </button>
      </form>
    </main>
  );
}
