'use client';
import { useState } from 'react';

/** A command to type, with a button that copies it. */
export function CopyCommand({ command, primary = false }: { command: string; primary?: boolean }) {
  const [copied, setCopied] = useState(false);

  async function copy(): Promise<void> {
    await navigator.clipboard.writeText(command);
    setCopied(true);
    setTimeout(() => setCopied(false), 2_000);
  }

  return (
    <div className="command">
      <code>{command}</code>
      <button
        type="button"
        className={`button${primary ? ' button-primary' : ''}`}
        aria-label={`Copy: ${command}`}
        onClick={() => void copy()}
      >
        <span aria-live="polite">{copied ? 'Copied' : 'Copy'}</span>
      </button>
    </div>
  );
}
