import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { PrivacyCard } from '@sotto/shared/card';
import { SottoError } from '@sotto/shared/errors';
import { encodeSafetensors, encodeTfjsModel, modelTensors } from '@sotto/shared/model';
import { modelMetadata, queryContext } from '@sotto/shared/plan';
import { fingerprintOf, fingerprintWords } from '@sotto/shared/protocol';
import { federationBudget } from '../budget-file.ts';
import { folderNames, openData, pinAuthority, pinnedAuthority, tokenOf } from '../data-folder.ts';
import { replayRun, type Replay } from '../runs/replay.ts';
import { createRunCards } from '../runs/run-cards.ts';
import { ownCertificate } from '../tls.ts';
import { wallClock } from '../wall-clock.ts';
import { writeCard } from './card-files.ts';
import type { CommandResult } from './command-result.ts';
import { setBudget } from './ledger-commands.ts';
import { pickRun } from './run-commands.ts';

export type FolderOptions = { readonly dir: string; readonly database?: string };

/** Makes a data folder: tokens, certificate, the pinned authority. Repeating it changes nothing. */
export async function initFolder(
  dir: string,
  options: {
    readonly authority?: string;
    readonly names: readonly string[];
    readonly budgetEpsilon?: string;
    readonly budgetDelta?: string;
  },
): Promise<CommandResult> {
  if (options.authority !== undefined) {
    if (!/^[0-9a-f]{64}$/.test(options.authority)) {
      throw new SottoError('INVALID_INPUT', `--authority: expected 64 hexadecimal digits, got ${options.authority}`);
    }
    await pinAuthority(dir, options.authority);
  }
  const names = [...new Set(['localhost', '127.0.0.1', ...options.names])];
  const { fingerprint } = await ownCertificate(dir, names, wallClock.now());
  await tokenOf(dir, folderNames.operatorToken);
  await tokenOf(dir, folderNames.viewToken);
  const authority = await pinnedAuthority(dir);
  if (options.budgetEpsilon !== undefined) await setBudget(dir, options.budgetEpsilon, options.budgetDelta);
  else if (options.budgetDelta !== undefined) {
    throw new SottoError('INVALID_INPUT', '--budget-delta goes with --budget-epsilon');
  }
  const budget = await federationBudget(dir);
  return {
    lines: [
      `Data folder       ${dir}`,
      `TLS fingerprint   ${fingerprint}`,
      authority === null
        ? 'Authority         none yet: nobody can enrol. Run sotto init --authority KEY'
        : `Authority         ${authority}\nIts fingerprint   ${fingerprintWords(fingerprintOf(authority))}`,
      ...(budget === null ? [] : [`Budget            ε = ${budget.epsilon} at δ = ${budget.delta} over all plans`]),
    ],
    json: { dir, fingerprint, authority, budget },
  };
}

/** Replays a run from the data folder. @throws {REPLAY_MISMATCH} {NOT_FOUND} */
export async function replay(run: string, options: FolderOptions): Promise<CommandResult> {
  const { replayed: result } = await replayFrom(run, options, false);
  const { runId, planHash, releases, modelHash, transcriptHash } = result;
  return {
    lines: [
      `Run          ${runId}`,
      `Plan         ${planHash}`,
      `Releases     ${releases}`,
      `Model        ${modelHash}`,
      `Transcript   ${transcriptHash}`,
      'The model follows from the releases, bit for bit.',
    ],
    json: { runId, planHash, releases, modelHash, transcriptHash, matches: true },
  };
}

/** Writes a run's model and its privacy card, after a replay of it. @throws {REPLAY_MISMATCH} {NOT_FOUND} {INVALID_INPUT} */
export async function exportModel(
  run: string,
  options: FolderOptions & { readonly format: string; readonly out: string },
): Promise<CommandResult> {
  const { format, out } = options;
  if (format !== 'safetensors' && format !== 'tfjs') {
    throw new SottoError('INVALID_INPUT', `--format: expected safetensors or tfjs, got ${format}`);
  }
  const { replayed, card } = await replayFrom(run, options, true);
  const { signedPlan, weights, runId, planHash, modelHash, releases } = replayed;
  const { topology, inputs, loss } = queryContext(signedPlan.plan);
  // With what its numbers mean, so that a node can predict from the file alone.
  const metadata = { runId, planHash, modelHash, releases: String(releases), ...modelMetadata(signedPlan.plan) };
  const files: string[] = [];
  if (format === 'safetensors') {
    await mkdir(dirname(out), { recursive: true });
    await writeFile(out, encodeSafetensors(modelTensors(topology, inputs, weights), metadata));
    files.push(out);
  } else {
    const { modelJson, weightsBin } = encodeTfjsModel(topology, inputs, weights, loss, metadata);
    await mkdir(out, { recursive: true });
    await writeFile(join(out, 'model.json'), modelJson);
    await writeFile(join(out, 'weights.bin'), weightsBin);
    files.push(join(out, 'model.json'), join(out, 'weights.bin'));
  }
  const cards = card === null ? [] : await writeCard(card, out, format);
  return {
    lines: [
      `model ${modelHash} after ${releases} releases written to ${files.join(', ')}`,
      `its privacy card written to ${cards.join(', ')}`,
    ],
    json: { runId, modelHash, releases, files, cards },
  };
}

async function replayFrom(
  run: string,
  { dir, database }: FolderOptions,
  withCard: boolean,
): Promise<{ readonly replayed: Replay; readonly card: PrivacyCard | null }> {
  const { store, blobs } = await openData(dir, database, 'read');
  try {
    const ids = (await store.runs()).map(({ runId }) => runId);
    const runId = pickRun(ids, run);
    const replayed = await replayRun(store, blobs, runId, await pinnedAuthority(dir));
    return { replayed, card: withCard ? await createRunCards(store, blobs).cardOf(runId) : null };
  } finally {
    await store.close();
  }
}
