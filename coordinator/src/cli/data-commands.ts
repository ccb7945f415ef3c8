import { existsSync } from 'node:fs';
import { dataCard, dataCardMarkdown, driftMarkdown, type DataCard } from '@sotto/shared/card';
import { planHashOf, requireSoundPlan, checkThresholds } from '@sotto/shared/plan';
import {
  driftOfReports,
  type ColumnsFigures,
  type LabelFigures,
  type MeasureFigures,
  type ReportDrift,
} from '@sotto/shared/queries';
import { openData } from '../data-folder.ts';
import { planOfRun } from '../runs/run-cards.ts';
import { measuresOfRun, type ConcludedMeasures } from '../runs/run-reports.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';
import { readPlan } from './read-plan.ts';
import { pickRun } from './run-commands.ts';

/** What the data were like when the run began, and what has changed since. */
type DataOfRun = {
  readonly card: DataCard;
  /** Each later release that counted the same, against the survey. */
  readonly drift: readonly {
    readonly round: number;
    readonly slot: string;
    readonly kind: string;
    readonly drift: ReportDrift;
  }[];
};

/** Measures that two releases can be compared by. */
const comparable = ['labels', 'columns'];

/**
 * The data card of a plan's file, or of a run in the data folder with what drifted since its survey: from released sums alone.
 * @throws {PLAN_INVALID} {NOT_FOUND}
 */
export async function showData(runOrPlan: string, { dir, database }: FolderOptions): Promise<CommandResult> {
  if (existsSync(runOrPlan)) {
    const { plan } = await readPlan(runOrPlan);
    requireSoundPlan(plan, [checkThresholds]);
    return resultOf({ card: dataCard(plan, planHashOf(plan), []), drift: [] });
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
    const survey = releases.find(({ slot }) => slot === 'survey')?.measures ?? [];
    const card = dataCard(await planOfRun(blobs, record), record.planHash, survey);
    return resultOf({ card, drift: releases.flatMap((release) => driftOf(survey, release)) });
  } finally {
    await store.close();
  }
}

function driftOf(survey: readonly MeasureFigures[], { round, slot, measures }: ConcludedMeasures): DataOfRun['drift'] {
  if (slot === 'survey') return [];
  return measures.flatMap(({ settings, report }) => {
    const before = survey.find((one) => isSame(one.settings, settings));
    if (before === undefined || !comparable.includes(settings.kind)) return [];
    const drift = driftOfReports(
      before.report as LabelFigures | ColumnsFigures,
      report as LabelFigures | ColumnsFigures,
    );
    return [{ round, slot, kind: settings.kind, drift }];
  });
}

/** Whether two measures count the same cells: shares may differ. */
function isSame(one: MeasureFigures['settings'], other: MeasureFigures['settings']): boolean {
  const cells = (settings: MeasureFigures['settings']): string =>
    JSON.stringify({ ...settings, share: 0, byClient: undefined });
  return cells(one) === cells(other);
}

function resultOf(found: DataOfRun): CommandResult {
  const drifts = found.drift.map(
    ({ round, slot, kind, drift }) =>
      `## Drift: ${kind} of the ${slot} in round ${round} against the survey\n\n${driftMarkdown(drift)}\n`,
  );
  return { lines: [[dataCardMarkdown(found.card), ...drifts].join('\n').trimEnd()], json: found };
}
