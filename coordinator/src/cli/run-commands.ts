import { setTimeout as sleep } from 'node:timers/promises';
import { SottoError } from '@sotto/shared/errors';
import { runListSchema, runStatusSchema, type DeviceFacts, type RunStatus } from '@sotto/shared/protocol';
import { z } from 'zod';
import { folderBlobs } from '../data-folder.ts';
import type { CommandResult } from './command-result.ts';
import { evaluationLines } from './evaluation-lines.ts';
import { readBytes, readJson } from './json-file.ts';
import type { OperatorApi } from './operator-api.ts';

/** Time between two looks at a run, in milliseconds. */
const lookEveryMs = 1_000;

type Tell = (line: string) => void;

/**
 * Submits a signed plan; with `wait` it follows the run to its end. Weights that it begins with are put into the data folder first.
 * @throws {RUN_FAILED} {FILE_NOT_FOUND}
 */
export async function submitRun(
  api: OperatorApi,
  path: string,
  { dir, initial, wait }: { readonly dir: string; readonly initial?: string; readonly wait: boolean },
  tell: Tell,
): Promise<CommandResult> {
  if (initial !== undefined) tell(`weights ${await folderBlobs(dir).put(await readBytes(initial))}`);
  const answer = z
    .object({ runId: z.string(), planHash: z.string() })
    .parse(await api.call('POST', '/v1/runs', await readJson(path)));
  if (!wait) return { lines: [`Run   ${answer.runId}`, `Plan  ${answer.planHash}`], json: answer };
  tell(`run ${answer.runId}`);
  const status = await follow(api, answer.runId, tell);
  if (status.state === 'failed')
    throw new SottoError('RUN_FAILED', `run ${status.runId}: ${status.reason ?? 'no model'}`);
  return { lines: statusLines(status), json: status };
}

/** One run's status, or a list of all. */
export async function runStatus(
  api: OperatorApi,
  run: string | undefined,
  watch: boolean,
  tell: Tell,
): Promise<CommandResult> {
  if (run === undefined) {
    const { runs } = runListSchema.parse(await api.call('GET', '/v1/runs'));
    return { lines: runs.length === 0 ? ['no runs yet'] : runs.map(oneLine), json: { runs } };
  }
  const id = await fullRunId(api, run);
  const status = watch ? await follow(api, id, tell) : await statusOf(api, id);
  return { lines: statusLines(status), json: status };
}

/** Pauses, resumes or stops a run. */
export async function operateRun(
  api: OperatorApi,
  run: string,
  what: 'pause' | 'resume' | 'stop',
  reason?: string,
): Promise<CommandResult> {
  const id = await fullRunId(api, run);
  const body = what === 'stop' && reason !== undefined ? { reason } : {};
  const status = runStatusSchema.parse(await api.call('POST', `/v1/runs/${id}/${what}`, body));
  return { lines: [oneLine(status)], json: status };
}

const clientListSchema = z.object({
  clients: z.array(
    z.object({ client: z.string(), name: z.string(), role: z.string(), enrolledAt: z.string(), revoked: z.boolean() }),
  ),
});

/** Enrolled clients. */
export async function listClients(api: OperatorApi): Promise<CommandResult> {
  const { clients } = clientListSchema.parse(await api.call('GET', '/v1/clients'));
  const lines = clients.map(
    (client) =>
      `${client.client}  ${client.role}  ${client.enrolledAt}  ${client.revoked ? 'REVOKED  ' : ''}${client.name}`,
  );
  return { lines: lines.length === 0 ? ['nobody has enrolled yet'] : lines, json: { clients } };
}

/** Hands the authority's revocation list to the coordinator. */
export async function revoke(api: OperatorApi, path: string): Promise<CommandResult> {
  const answer = z
    .object({ number: z.number(), revoked: z.number() })
    .parse(await api.call('POST', '/v1/revocations', await readJson(path)));
  return { lines: [`list ${answer.number}: ${answer.revoked} clients are revoked`], json: answer };
}

/** A run by its id or the beginning of it. @throws {NOT_FOUND} {INVALID_INPUT} */
async function fullRunId(api: OperatorApi, beginning: string): Promise<string> {
  const { runs } = runListSchema.parse(await api.call('GET', '/v1/runs'));
  return pickRun(
    runs.map(({ runId }) => runId),
    beginning,
  );
}

/** The one id that begins so. @throws {NOT_FOUND} {INVALID_INPUT} */
export function pickRun(ids: readonly string[], beginning: string): string {
  const found = ids.filter((id) => id.startsWith(beginning));
  const [id] = found;
  if (id === undefined) throw new SottoError('NOT_FOUND', `there is no run ${beginning}`);
  if (found.length > 1) throw new SottoError('INVALID_INPUT', `${found.length} runs begin with ${beginning}`);
  return id;
}

async function statusOf(api: OperatorApi, run: string): Promise<RunStatus> {
  return runStatusSchema.parse(await api.call('GET', `/v1/runs/${run}`));
}

async function follow(api: OperatorApi, run: string, tell: Tell): Promise<RunStatus> {
  let last = '';
  for (;;) {
    const status = await statusOf(api, run);
    const line = oneLine(status);
    if (line !== last) tell(line);
    last = line;
    if (status.endedAt !== null) return status;
    await sleep(lookEveryMs);
  }
}

function oneLine(status: RunStatus): string {
  const alive = status.clients.filter(({ connected }) => connected).length;
  const epsilon =
    status.privacy.epsilon === null
      ? 'no privacy'
      : `ε at most ${status.privacy.epsilonSoFar?.toFixed(2)} of ${status.privacy.epsilon}`;
  const where = `round ${status.round}/${status.rounds}  ${status.stage}${groupsText(status)}`;
  const reason = status.reason === null ? '' : `  ${status.reason}`;
  return `${status.runId.slice(0, 8)}  ${status.state}  ${where}  ${alive}/${status.clients.length} clients  ${epsilon}${reason}`;
}

/** Where the round has several groups: how many are open and done. */
function groupsText({ groups }: RunStatus): string {
  return groups === undefined ? '' : `, groups ${groups.open} open and ${groups.released} released of ${groups.total}`;
}

function stoppingLines({ earlyStopping, rounds }: RunStatus): string[] {
  if (earlyStopping === undefined) return [];
  const { bestRound, stoppedIn } = earlyStopping;
  const best =
    bestRound === null ? 'nothing was evaluated yet' : `best so far is the model that round ${bestRound} evaluated`;
  return [`Stopping     ${stoppedIn === null ? best : `stopped in round ${stoppedIn} of ${rounds}; ${best}`}`];
}

function statusLines(status: RunStatus): string[] {
  return [
    `Run          ${status.runId}`,
    `Plan         ${status.name} (${status.planHash})`,
    `State        ${status.state}${status.reason === null ? '' : `: ${status.reason}`}`,
    `Round        ${status.round} of ${status.rounds}, ${status.attempt} sessions, ${status.failedAttempts} failed`,
    `Stage        ${status.stage}${groupsText(status)}`,
    `Privacy      ${status.privacy.kind === 'none' ? 'none: ε = ∞' : `ε = ${status.privacy.epsilon}, δ = ${status.privacy.delta}; at most ${status.privacy.epsilonSoFar?.toFixed(3)} so far`}`,
    ...status.evaluations.slice(-1).flatMap(evaluationLines),
    ...stoppingLines(status),
    ...status.alarms.map(({ round, reason }) => `ALARM        round ${round}: ${reason}`),
    `Model        ${status.modelHash}`,
    ...status.clients.flatMap(({ name, state, reason, sessionsSurvived, device }) => [
      `  ${state.padEnd(9)}  ${String(sessionsSurvived).padStart(5)} sessions  ${name}${reason === null ? '' : `  (${reason})`}`,
      ...(device === undefined ? [] : [`  ${' '.repeat(27)}${deviceText(device)}`]),
    ]),
  ];
}

/** What a client whose owner allows it says that it computes with. */
function deviceText({ device, engine, rowsPerSecond, memoryGb }: DeviceFacts): string {
  const speed = rowsPerSecond === null ? '' : `, ${rowsPerSecond} rows a second in its trial`;
  return `${device}: ${engine}${speed}${memoryGb === null ? '' : `, a machine of ${memoryGb} GB`}`;
}
