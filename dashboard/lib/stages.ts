import type { RunClient, RunStatus, Stage } from './run-types.ts';

/** What a column of the secure sum is called, and what its clients send in it. */
export type StageColumn = { stage: Stage; number: number; note: string };

const notes: Record<Exclude<Stage, 'idle'>, string> = {
  advertise: 'fresh keys',
  share: 'sealed shares',
  upload: 'masked vector',
  agree: 'same survivors',
  unmask: 'shares back',
  release: 'noisy sum',
};

const uploads: Record<RunStatus['trust'], string> = {
  secure: notes.upload,
  grouped: notes.upload,
  local: 'noised vector',
  trusted: 'clipped vector',
};

const secureStages = ['advertise', 'share', 'upload', 'agree', 'unmask', 'release'] as const;
const plainStages = ['upload', 'release'] as const;

/** Whether contributions are masked: the sum of all, or of each group, is all that can be opened. */
export function isSummedSecretly(trust: RunStatus['trust']): boolean {
  return trust === 'secure' || trust === 'grouped';
}

/** The stages of a session in their order; a local or trusted run has no keys, so only an upload and its release. */
export function stageColumns(trust: RunStatus['trust']): StageColumn[] {
  const stages = isSummedSecretly(trust) ? secureStages : plainStages;
  return stages.map((stage, index) => ({
    stage,
    number: index + 1,
    note: stage === 'upload' ? uploads[trust] : notes[stage],
  }));
}

/** Where one client stands at one stage. */
export type StageMark = 'done' | 'now' | 'waiting';

/** A client's row: marks stage by stage, or why it is not in this session. */
export type ClientRow =
  | { kind: 'marks'; client: RunClient; marks: StageMark[]; reached: string }
  | { kind: 'apart'; client: RunClient; tone: 'quiet' | 'lost' | 'refused'; text: string };

/** One row a client, in the order of the plan's roster. */
export function clientRows(status: RunStatus): ClientRow[] {
  const columns = stageColumns(status.trust);
  const current = columns.findIndex((column) => column.stage === status.stage);
  return status.clients.map((client) => {
    switch (client.state) {
      case 'inSession': {
        const marks = columns.map((column, index): StageMark => {
          if (current < 0 || index > current) return 'waiting';
          if (index < current) return 'done';
          // The release is the coordinator's own work: nobody is waited for.
          return client.answered && column.stage !== 'release' ? 'done' : 'now';
        });
        const column = columns[current];
        return { kind: 'marks', client, marks, reached: column ? `${column.number} ${column.stage}` : 'between sums' };
      }
      case 'lost':
        return { kind: 'apart', client, tone: 'lost', text: client.reason ?? 'lost' };
      case 'refused':
        return { kind: 'apart', client, tone: 'refused', text: `refused: ${client.reason ?? 'no reason was given'}` };
      case 'absent':
        return { kind: 'apart', client, tone: 'quiet', text: withLast('not connected', client) };
      case 'offered':
        return { kind: 'apart', client, tone: 'quiet', text: 'has the plan, has not answered yet' };
      case 'ready':
        return { kind: 'apart', client, tone: 'quiet', text: withLast('ready for the next sum', client) };
    }
  });
}

/** How many clients of the session have answered the current stage. */
export function answeredCount(status: RunStatus): { answered: number; asked: number } {
  const asked = status.clients.filter((client) => client.state === 'inSession');
  return { answered: asked.filter((client) => client.answered).length, asked: asked.length };
}

/** Sums are short: why a client was lost from an earlier one must outlast it. */
function withLast(text: string, { reason }: RunClient): string {
  return reason === null ? text : `${text}; lost before: ${reason}`;
}
