import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { dataSchemaSchema } from '@sotto/shared/plan';
import { fromArrays, fromFile, readUnits } from '@sotto/client/data';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser } from '../dashboard/testing/browser.ts';
import { hasChromium } from './testing/browser-crypto.ts';
import type { PageData, PageTables } from './testing/data-page.ts';

const schema = dataSchemaSchema.parse({
  name: 'visits',
  unitId: 'patient',
  columns: [
    { kind: 'number', name: 'age', min: 0, max: 1e6, centre: 0.1, scale: 3, fill: 1 },
    { kind: 'category', name: 'smoker', values: ['true', 'false'] },
  ],
  target: { kind: 'classes', column: 'stage', values: ['0', '1'] },
});
const size = { width: 3, height: 2 };
const imageSchema = dataSchemaSchema.parse({
  name: 'images',
  unitId: null,
  columns: [{ kind: 'pixels', name: 'image', ...size, channels: 3, centre: 100, scale: 64 }],
  target: { kind: 'binary', column: 'label', positive: 'a', negative: 'b' },
});
/** More than a block of IndexedDB, and of a file. */
const rows = Array.from({ length: 1_500 }, (_, row) => ({
  patient: `p${row % 211}`,
  age: row % 9 === 0 ? null : row / 7,
  smoker: row % 3 === 0,
  stage: row % 2,
}));
const pixels = [0, 1].map((image) =>
  Array.from({ length: 6 * 4 }, (_, at) => (at % 4 === 3 ? 255 : (at * 29 + image * 83) % 256)),
);

describe.skipIf(!hasChromium)('sources of rows in Chromium', () => {
  let tables: PageTables = {};
  let close = async (): Promise<void> => undefined;
  beforeAll(async () => {
    const { outputFiles } = await build({
      entryPoints: [fileURLToPath(new URL('./testing/data-page.ts', import.meta.url))],
      bundle: true,
      format: 'iife',
      platform: 'browser',
      conditions: ['source'],
      write: false,
      logLevel: 'warning',
    });
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
      response.end(`<!doctype html><script>${(outputFiles[0]?.text ?? '').replaceAll('</', '<\\/')}</script>`);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const browser = await launchBrowser();
    close = async () => {
      await browser.close();
      server.close();
    };
    const data: PageData = {
      schema,
      csv: ['patient,age,smoker,stage', ...rows.map((row) => Object.values(row).join(','))].join('\r\n'),
      rows,
      imageSchema,
      images: pixels.map((values) => ({ ...size, pixels: values })),
    };
    const tab = await browser.newPage();
    await tab.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    tables = await tab.evaluate<PageTables>(`readAll(${JSON.stringify(data)})`);
  });
  afterAll(() => close());

  const plain = async (reading: ReturnType<typeof readUnits>): Promise<PageTables[string]> => {
    const { batch, unitIds } = await reading;
    return { unitIds, inputs: [...batch.inputs], targets: [...batch.targets] };
  };

  it('give the units that the same table gives in Node, bit for bit', async () => {
    const csv = ['patient,age,smoker,stage', ...rows.map((row) => Object.values(row).join(','))].join('\n');
    const expected = await plain(readUnits(fromFile(new File([csv], 'table.csv')), schema));
    for (const name of ['file', 'lines', 'arrays', 'iterator', 'indexedDb'])
      expect(tables[name], name).toEqual(expected);
  });

  it('give the pixels of images as they are in the file', async () => {
    const image = pixels.map((values) => ({ ...size, data: Uint8Array.from(values) }));
    const expected = await plain(readUnits(fromArrays({ image, label: ['a', 'b'] }), imageSchema));
    for (const name of ['imageFiles', 'imageBitmaps']) expect(tables[name], name).toEqual(expected);
    expect(tables['noImage']).toBe('DATA_INVALID');
  });

  it('say that a database or store is not there, and make none', () => {
    expect([tables['noStore'], tables['noDatabase'], tables['databases']]).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
      'clinic',
    ]);
  });
});
