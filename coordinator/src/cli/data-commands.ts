import { existsSync } from 'node:fs';
import { dataCard, dataCardMarkdown, type DataCard } from '@sotto/shared/card';
import { planHashOf, requireSoundPlan } from '@sotto/shared/plan';
import { openData } from '../data-folder.ts';
import { planOfRun } from '../runs/run-cards.ts';
import { measuresOfRun } from '../runs/run-reports.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';
import { readPlan } from './read-plan.ts';
import { pickRun } from './run-commands.ts';

/**
 * The data card of a plan's file, or of a run in the data folder with what drifted since its survey: from released sums alone.
 * @throws {PLAN_INVALID} {NOT_FOUND}
 */
export async function showData(runOrPlan: string, { dir, database }: FolderOptions): Promise<CommandResult> {
  if (existsSync(runOrPlan)) {
    const { plan } = await readPlan(runOrPlan);
    requireSoundPlan(plan);
    return resultOf(dataCard(plan, planHashOf(plan), []));
  }
  const { store, blobs } = await openData(dir, database, 'read');
  try {
    const records = await store.runs();
    const runId = pickRun(
      records.map((record) => record.runId),
      runOrPlan,
    );
    const record = records.find((one) => one.runId === runId)!;
    const releases = await measuresOfRun(store, blobs, record);
    return resultOf(dataCard(await planOfRun(blobs, record), record.planHash, releases));
  } finally {
    await store.close();
  }
}

function resultOf(card: DataCard): CommandResult {
  return { lines: [dataCardMarkdown(card).trimEnd()], json: card };
}
