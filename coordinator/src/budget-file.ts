import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { SottoError } from '@sotto/shared/errors';
import { openLedger, type LedgerOpening } from '@sotto/shared/privacy';
import { z } from 'zod';
import { folderNames, readText } from './data-folder.ts';

const budgetSchema = z.strictObject({
  version: z.literal(1),
  epsilon: z.number().positive(),
  delta: z.number().gt(0).lt(1),
  order: z.number().gt(1),
});

/** The federation's budget over all plans, or null where none was set. @throws {INVALID_INPUT} */
export async function federationBudget(dir: string): Promise<LedgerOpening | null> {
  const path = join(dir, folderNames.budget);
  const text = await readText(path);
  if (text === null) return null;
  try {
    return budgetSchema.parse(JSON.parse(text));
  } catch {
    throw new SottoError('INVALID_INPUT', `${path}: not a budget; set it anew with sotto privacy budget`);
  }
}

/**
 * Sets the federation's budget, durably. ε may be changed later; δ and the order of RDP stay as they were first set, which is
 * what makes the sum of charges a filter (Feldman and Zrnic 2021).
 * @throws {INVALID_INPUT} when a number is out of range; {CONFLICT} for another δ
 */
export async function setFederationBudget(dir: string, epsilon: number, delta: number): Promise<LedgerOpening> {
  const fresh = openLedger({ epsilon, delta }).opening;
  const known = await federationBudget(dir);
  if (known !== null && known.delta !== delta) {
    throw new SottoError('CONFLICT', `the budget's delta is ${known.delta} for good, got ${delta}`);
  }
  const opening = { ...fresh, order: known?.order ?? fresh.order };
  const path = join(dir, folderNames.budget);
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(`${JSON.stringify(opening)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
  return opening;
}
