import { holdOut } from '../accuracy/hold-out.ts';
import { runTable } from '../accuracy/run-table.ts';
import { imageCases } from './cases.ts';
import { loadImages } from './mnist.ts';

await runTable({
  bench: 'images',
  about:
    'Trains networks on ten owners of handwritten digits of 28 × 28 pixels through the whole pipeline in simulation.',
  cases: imageCases,
  load: async (row, choosing) => {
    const data = await loadImages(row.data.name, row.data.split);
    return choosing ? holdOut(data) : data;
  },
});
