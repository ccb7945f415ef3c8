import type { RunStatus } from '@sotto/shared/protocol';

/** Where progress goes: a terminal gets one line that changes, anything else a line now and then. */
export type Progress = { status(status: RunStatus): void; say(text: string): void; done(): void };

export function createProgress(output: NodeJS.WriteStream): Progress {
  const terminal = output.isTTY === true;
  let open = false;
  let saidUpTo = -1;
  let evaluationsSaid = 0;
  const say = (text: string): void => {
    if (open) output.write('\r\u001b[2K');
    open = false;
    output.write(`${text}\n`);
  };
  return {
    say,
    done: () => open && output.write('\n'),
    status(status) {
      for (const evaluation of status.evaluations.slice(evaluationsSaid)) {
        evaluationsSaid += 1;
        const { accuracy, withheld } = evaluation;
        const figure =
          accuracy === null
            ? `withheld: ${withheld ?? 'too noisy'}`
            : `${percent(accuracy.value)} (95 % interval ${percent(accuracy.low)} to ${percent(accuracy.high)}, of it noise ±${percent(accuracy.noiseHalfWidth)})`;
        say(`  ${evaluation.part} accuracy after round ${evaluation.round - 1}: ${figure}`);
      }
      if (terminal) {
        output.write(`\r\u001b[2K${statusLine(status).slice(0, Math.max(20, (output.columns ?? 120) - 1))}`);
        open = true;
      } else if (Math.floor(status.round / 20) > saidUpTo) {
        // Rounds may pass between two looks: the first look after every twentieth counts.
        saidUpTo = Math.floor(status.round / 20);
        say(statusLine(status));
      }
    },
  };
}

function statusLine(status: RunStatus): string {
  const { privacy } = status;
  const alive = status.clients.filter(({ connected }) => connected).length;
  const parts = [
    `round ${Math.min(status.round, status.rounds)}/${status.rounds}`,
    status.state === 'running' ? status.stage : status.state,
    `${alive}/${status.clients.length} clients`,
    privacy.epsilon === null ? 'no privacy' : `ε ≤ ${(privacy.epsilonSoFar ?? 0).toFixed(2)} of ${privacy.epsilon}`,
    privacy.evaluationEpsilon === null
      ? ''
      : `validation ε ≤ ${(privacy.evaluationEpsilonSoFar ?? 0).toFixed(2)} of ${privacy.evaluationEpsilon}`,
    `${bytes(status.bytesUp)} up, ${bytes(status.bytesDown)} down`,
    status.secondsLeft === null ? '' : `${Math.ceil(status.secondsLeft)} s left`,
    status.failedAttempts === 0
      ? ''
      : `${status.failedAttempts} failed ${status.failedAttempts === 1 ? 'attempt' : 'attempts'}`,
  ];
  return parts.filter((part) => part !== '').join(' · ');
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function bytes(count: number): string {
  if (count < 1_000) return `${count} B`;
  return count < 1_000_000 ? `${(count / 1_000).toFixed(1)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
}
