import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { dirname } from 'node:path';

/** What a benchmark of single rows measured, and where it ran. */
export type Report<Row> = {
  readonly bench: string;
  readonly quick: boolean;
  /** Load average before it began. */
  readonly load: number;
  readonly rows: readonly Row[];
};

/** Writes the report to a file, where one is asked for, and prints it as one line of JSON, where that is. */
export function writeReport<Row>(
  { bench, quick, load, rows }: Report<Row>,
  { out, json }: { readonly out: string | undefined; readonly json: boolean },
): void {
  const machine = { cpu: cpus()[0]?.model ?? 'unknown', cores: availableParallelism() };
  const report = { bench, quick, node: process.version, machine, load, rows };
  if (out !== undefined) {
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (json) console.log(JSON.stringify(report));
}
