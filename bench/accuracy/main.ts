import { accuracyCases } from './cases.ts';
import { loadBenchData } from './datasets.ts';
import { holdOut } from './hold-out.ts';
import { runTable } from './run-table.ts';

await runTable({
  bench: 'accuracy',
  about:
    'Trains each row of the accuracy table through the whole pipeline in simulation and compares it with its goal.',
  cases: accuracyCases,
  load: async (row, choosing) => {
    const data = await loadBenchData(row.data.name, row.data.schema, row.data.split);
    return choosing ? holdOut(data) : data;
  },
});
