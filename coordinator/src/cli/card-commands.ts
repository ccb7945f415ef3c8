import { existsSync } from 'node:fs';
import { cardMarkdown, planCard } from '@sotto/shared/card';
import { planHashOf, requireSoundPlan, checkThresholds } from '@sotto/shared/plan';
import { openData } from '../data-folder.ts';
import { createRunCards } from '../runs/run-cards.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';
import { readPlan } from './read-plan.ts';
import { pickRun } from './run-commands.ts';

/**
 * The privacy card of a plan's file, or of a run in the data folder.
 * @throws {PLAN_INVALID} {CARD_INCOMPLETE} {NOT_FOUND}
 */
export async function showCard(runOrPlan: string, { dir, database }: FolderOptions): Promise<CommandResult> {
  if (existsSync(runOrPlan)) {
    const { plan } = await readPlan(runOrPlan);
    requireSoundPlan(plan, [checkThresholds]);
    const card = planCard(plan, planHashOf(plan));
    return { lines: [cardMarkdown(card).trimEnd()], json: card };
  }
  const { store, blobs } = await openData(dir, database, 'read');
  try {
    const ids = (await store.runs()).map(({ runId }) => runId);
    const card = await createRunCards(store, blobs).cardOf(pickRun(ids, runOrPlan));
    return { lines: [cardMarkdown(card).trimEnd()], json: card };
  } finally {
    await store.close();
  }
}
