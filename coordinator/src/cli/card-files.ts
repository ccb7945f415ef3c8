import { writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { cardMarkdown, type PrivacyCard } from '@sotto/shared/card';

/**
 * Writes a card beside its model, as JSON and as sentences: `card.json` and `card.md` beside `model.safetensors` or in a tfjs
 * folder, and `NAME.card.json`, `NAME.card.md` beside another `NAME.safetensors`, so that models in one folder keep theirs.
 * @returns both paths
 */
export async function writeCard(
  card: PrivacyCard,
  out: string,
  format: 'safetensors' | 'tfjs',
): Promise<readonly string[]> {
  const name = basename(out).replace(/\.safetensors$/, '');
  const base = format === 'tfjs' ? join(out, 'card') : join(dirname(out), name === 'model' ? 'card' : `${name}.card`);
  await writeFile(`${base}.json`, `${JSON.stringify(card, null, 2)}\n`);
  await writeFile(`${base}.md`, cardMarkdown(card));
  return [`${base}.json`, `${base}.md`];
}
