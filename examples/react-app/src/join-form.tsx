import { useState } from 'react';
import type { Sotto } from './use-sotto.ts';

/** Joins by the line of text that the federation's authority gave out. */
export function JoinForm({ join }: { readonly join: Sotto['join'] }) {
  const [isBusy, setBusy] = useState(false);
  async function submit(form: FormData): Promise<void> {
    setBusy(true);
    await join(textOf(form, 'invitation'), textOf(form, 'name'));
    setBusy(false);
  }
  return (
    <form
      onSubmit={(event) => {
        // React empties a form after its action, also where the invitation was refused.
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      <label>
        Your name, as the others see it
        <input name="name" required maxLength={60} autoComplete="name" />
      </label>
      <label>
        Invitation
        <textarea name="invitation" required rows={4} spellCheck={false} autoComplete="off" />
      </label>
      <button type="submit" disabled={isBusy}>
        {isBusy ? 'Joining …' : 'Join'}
      </button>
    </form>
  );
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}
