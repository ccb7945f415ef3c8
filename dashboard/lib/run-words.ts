import { formatClock, formatDelta, formatDuration, formatEpsilon, plural } from './format.ts';
import type { RunStatus } from './run-types.ts';
import { answeredCount, isSummedSecretly, stageColumns } from './stages.ts';

/** What a privacy promise is made to, in words. */
export function unitWords(unit: RunStatus['unit']): string {
  return unit === 'record' ? 'one record' : 'one client';
}

/** The page's sentence: what the run waits for now, or how it ended. */
export function runSentence(status: RunStatus): string {
  const { round, rounds } = status;
  switch (status.state) {
    case 'waiting':
      return waitingSentence(status);
    case 'paused':
      return `Paused at ${place(status)}.`;
    case 'finished':
      return round >= rounds
        ? `Finished: ${rounds === 1 ? 'the one round is' : `all ${rounds} rounds are`} done.`
        : `Finished early, after round ${round} of ${rounds}.`;
    case 'stopped':
      return `Stopped at ${place(status)}.`;
    case 'failed':
      return `The run failed at ${place(status)}.`;
    case 'running':
      return `${capital(place(status))}: ${stageSentence(status)}.`;
  }
}

function waitingSentence(status: RunStatus): string {
  const ready = status.clients.filter((client) => client.state === 'ready' || client.state === 'inSession').length;
  if (status.clients.every((client) => !client.connected)) return 'Waiting for clients: none has connected yet.';
  return `Waiting for clients: ${ready} ready, ${status.minSurvivors} at least are needed${
    status.groups === undefined ? '' : ` in each of ${status.groups.needed} groups`
  }.`;
}

function place({ round, rounds }: RunStatus): string {
  return `round ${round} of ${rounds}`;
}

function stageSentence(status: RunStatus): string {
  const { answered, asked } = answeredCount(status);
  const missing = asked - answered;
  const of = `${missing} of ${plural(asked, 'client')}`;
  if (status.stage === 'idle') return 'the next secure sum is about to open';
  if (status.stage === 'release') return `adding up the sum of ${plural(asked, 'client')}`;
  if (missing === 0) return 'every answer of this stage is here';
  switch (status.stage) {
    case 'advertise':
      return `waiting for keys from ${of}`;
    case 'share':
      return `waiting for shares from ${of}`;
    case 'upload':
      return `waiting for ${missing === 1 ? 'one upload' : `${missing} uploads`} of ${asked}`;
    case 'agree':
      return `waiting for ${missing === 1 ? 'one signature' : `${missing} signatures`} of ${asked}`;
    case 'unmask':
      return `waiting for unmasking shares from ${of}`;
  }
}

/** The line under the sentence: since when, which stage, and what holds at this moment. */
export function runSubtitle(status: RunStatus): string {
  const parts = [`Started ${formatClock(Date.parse(status.startedAt))}`];
  if (status.endedAt !== null) {
    parts.push(`ended ${formatClock(Date.parse(status.endedAt))}`);
    if (status.reason !== null && status.state !== 'failed') parts.push(status.reason);
    return parts.join(' · ');
  }
  const columns = stageColumns(status.trust);
  const current = columns.find((column) => column.stage === status.stage);
  if (status.state === 'running' && current)
    parts.push(`stage ${current.number} of ${columns.length}, ${current.stage}`);
  const { groups } = status;
  if (status.state === 'running' && groups !== undefined) {
    parts.push(`groups: ${groups.released} released, ${groups.open} open of ${groups.total}`);
  }
  if (status.state === 'running' && isSummedSecretly(status.trust)) {
    parts.push('nothing can be read until enough survivors have signed the same list');
  }
  if (status.reason !== null) parts.push(status.reason);
  return parts.join(' · ');
}

/** What happens when the stage ends with somebody missing. */
export function floorSentence(status: RunStatus): string {
  const fewer = status.minSurvivors - 1;
  const below =
    fewer < 1
      ? ''
      : ` With ${fewer === 1 ? '1 client' : `${fewer} or fewer`} the ${status.groups === undefined ? 'round' : 'group'} fails, nothing is unmasked, and what was charged stays charged.`;
  const where = status.groups === undefined ? '' : ' of its group';
  return `A sum is released with ${plural(status.minSurvivors, 'survivor')}${where} or more.${below}`;
}

/** "2 may be lost" without the round failing: floor alone, the threshold of the shares can ask for more. */
export function mayBeLost(status: RunStatus): number {
  // Of the smallest group, where there are several.
  const clients = Math.floor(status.clients.length / (status.groups?.total ?? 1));
  const secret = isSummedSecretly(status.trust);
  const threshold = secret ? Math.floor((2 * clients) / 3) + 1 : 1;
  const spare = Math.max(0, clients - Math.max(threshold, status.minSurvivors));
  // On a ring of neighbours, which more than 200 stand on, more than a tenth are likely to leave some client with too few.
  return secret && clients > 200 ? Math.min(spare, Math.floor(clients / 10)) : spare;
}

/** Seconds until the current stage ends; null where nothing is waited for. */
export function stageSecondsLeft(status: RunStatus, now: number): number | null {
  if (status.stageEndsAt === null || status.state !== 'running') return null;
  return Math.max(0, (Date.parse(status.stageEndsAt) - now) / 1000);
}

/** What a screen reader is told: the sentence, the losses, the last figure. Spoken politely and seldom. */
export function announcement(status: RunStatus): string {
  const lost = status.clients.filter((client) => client.state === 'lost');
  const parts = [runSentence(status)];
  if (lost.length > 0) parts.push(`Lost: ${lost.map((client) => client.name).join(', ')}.`);
  if (status.state === 'failed' && status.reason !== null) parts.push(status.reason);
  if (status.privacy.epsilonSoFar !== null) {
    parts.push(`ε at most ${formatEpsilon(status.privacy.epsilonSoFar)} so far.`);
  }
  if (status.state === 'running' && status.secondsLeft !== null)
    parts.push(`${formatDuration(status.secondsLeft)} left.`);
  return parts.join(' ');
}

/** The first mention of ε in a panel: with δ and the unit. */
export function guaranteeWords(status: RunStatus): string {
  const { epsilon, delta } = status.privacy;
  if (status.privacy.kind === 'none' || epsilon === null || delta === null) {
    return 'No privacy: ε = ∞. Anyone who sees the releases may learn records.';
  }
  return `ε ${formatEpsilon(epsilon)}, δ = ${formatDelta(delta)}, ${unitWords(status.unit)}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
