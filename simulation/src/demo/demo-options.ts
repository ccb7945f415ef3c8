import { parseArgs } from 'node:util';
import { SottoError } from '@sotto/shared/errors';

export type DemoOptions = {
  readonly name: 'digits' | 'hospitals' | 'bank';
  /** Whether the hospitals' plan asks for a report; the bank's always does. */
  readonly report: boolean;
  readonly json: boolean;
  /** Ends after the run even on a terminal. */
  readonly once: boolean;
  /** Takes an interrupted demonstration up where it was. */
  readonly resume: boolean;
  /** Folder that holds the data sets. */
  readonly data: string | null;
  readonly help: boolean;
};

export const demoHelp = `npm run demo [-- digits|hospitals|bank] [options]

  digits      ten owners of skewed handwritten digits train one model (the default; data shipped)
  hospitals   four hospitals' heart disease, ε = 1 (needs the data: see --data)
  bank        five banks' customers: what the model knows, and whom it treats how, as a report (needs the data)

Options
  --once      end after the run; without it a terminal stays until Ctrl-C, so that the page can be looked at
  --resume    take an interrupted demonstration up where it was; without it a new one begins
  --report    hospitals: keep a third of the patients out of training, and report on them at an ε of their own
  --data DIR  folder that holds heart-4-hospitals/data.csv and adult/data.csv (or set SOTTO_DATA)
  --json      print one JSON object as the last line
  --help      this text

Everything is written below .sotto/; nothing leaves this machine. Exit code 0 when the run finished and the replay gives
the same model, 1 when not, 2 for wrong arguments or missing data.`;

/** @throws {INVALID_INPUT} naming what is not understood. */
export function readDemoOptions(parameters: readonly string[]): DemoOptions {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...parameters],
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        once: { type: 'boolean', default: false },
        resume: { type: 'boolean', default: false },
        report: { type: 'boolean', default: false },
        data: { type: 'string' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    throw new SottoError(
      'INVALID_INPUT',
      `${error instanceof Error ? error.message : String(error)}; see npm run demo -- --help`,
    );
  }
  const [name = 'digits', ...more] = parsed.positionals;
  if ((name !== 'digits' && name !== 'hospitals' && name !== 'bank') || more.length > 0) {
    throw new SottoError(
      'INVALID_INPUT',
      `there is no demonstration "${parsed.positionals.join(' ')}": digits, hospitals or bank`,
    );
  }
  const { json, once, resume, data, help, report } = parsed.values;
  if (report && name === 'digits') {
    throw new SottoError('INVALID_INPUT', 'the digits have no report: npm run demo -- hospitals --report, or bank');
  }
  return {
    name,
    report: report || name === 'bank',
    json,
    once,
    resume,
    help,
    data: data ?? process.env['SOTTO_DATA'] ?? null,
  };
}
