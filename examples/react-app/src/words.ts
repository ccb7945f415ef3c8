import type { SottoState } from './sotto-state.ts';

/** What a client does now, in one sentence. */
export function statusWords({ phase, member, isConnected, isPaused, isElsewhere, run }: SottoState): string {
  switch (phase) {
    case 'opening':
      return 'Opening what this browser keeps for you';
    case 'new':
      return 'You have not joined yet';
    case 'idle':
      return `Joined as ${member?.name ?? 'nobody'}; choose your rows to take part`;
    case 'starting':
      return 'Reading your rows';
    case 'broken':
      return 'This browser cannot take part';
    case 'running':
      break;
  }
  if (isElsewhere) return 'Another tab takes part; this one waits';
  if (isPaused) return 'Paused: no new round begins';
  if (!isConnected) return 'Connecting';
  if (run === null) return 'Connected; waiting for a run';
  switch (run.outcome) {
    case null:
      return run.released === 0
        ? `“${run.name}” is about to begin`
        : `“${run.name}”: ${run.released} of ${run.rounds} rounds`;
    case 'refused':
      return `“${run.name}” runs without you`;
    case 'finished':
    case 'stopped':
    case 'failed':
      return `“${run.name}” has ${{ finished: 'finished', stopped: 'been stopped', failed: 'failed' }[run.outcome]}`;
  }
}
