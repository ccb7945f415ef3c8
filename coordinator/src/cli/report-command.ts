import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { reportPage, reportSchema, type ReportDocument } from '@sotto/shared/report';
import { z } from 'zod';
import { openData } from '../data-folder.ts';
import { reportOfRun } from '../runs/run-report.ts';
import type { CommandResult } from './command-result.ts';
import type { FolderOptions } from './folder-commands.ts';
import { readJson } from './json-file.ts';
import { pickRun } from './run-commands.ts';

/**
 * Writes the report of a run of the data folder, as JSON and as a page, and says what it comes to.
 * @throws {NOT_FOUND} {CONFLICT} {STORE_FAILED} as `reportOfRun`; {INVALID_INPUT} {FILE_NOT_FOUND} of the report to compare with
 */
export async function writeReport(
  run: string,
  { dir, database, out, compare }: FolderOptions & { readonly out: string; readonly compare?: string },
): Promise<CommandResult> {
  const earlier = compare === undefined ? null : await readReport(compare);
  const { store, blobs } = await openData(dir, database, 'read');
  let report: ReportDocument;
  try {
    const ids = (await store.runs()).map(({ runId }) => runId);
    report = await reportOfRun(store, blobs, pickRun(ids, run), earlier);
  } finally {
    await store.close();
  }
  await mkdir(out, { recursive: true });
  const files = [join(out, 'report.json'), join(out, 'report.html')];
  await writeFile(files[0]!, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(files[1]!, reportPage(report));
  return { lines: [...reportLines(report), `Written to   ${files.join(', ')}`], json: { report, files } };
}

async function readReport(path: string): Promise<ReportDocument> {
  const parsed = reportSchema.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  // Of a report of another version hundreds of lines differ: the first says enough.
  const [first = '', where = ''] = z.prettifyError(parsed.error).split('\n');
  throw new SottoError('INVALID_INPUT', `${path}: not a report of this version: ${first} ${where.trim()}`.trimEnd());
}

const verdictWords = { met: 'met', notMet: 'NOT MET', cannotTell: 'cannot tell', notMeasured: 'not measured' } as const;

function reportLines({ sentence, run, thresholds, measures, withheld, remedies }: ReportDocument): readonly string[] {
  const figures = measures.filter(({ newest }) => newest).flatMap((measure) => measure.figures);
  return [
    `Report       ${sentence}`,
    `Model        ${run.modelHash}`,
    `Figures      ${figures.filter(({ figure }) => figure !== null).length} shown, ${withheld.length} withheld`,
    ...thresholds.map(({ figure, verdict, reason }) => `  ${verdictWords[verdict].padEnd(12)} ${figure}: ${reason}`),
    ...remedies.map(({ because, remedy }) => `Remedy       ${because} ${remedy}`),
  ];
}
