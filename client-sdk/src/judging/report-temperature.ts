import { SottoError } from '@sotto/shared/errors';
import { z } from 'zod';

/** What of a report is read; the rest of the document is not looked at. */
const reportParts = z.looseObject({
  run: z.looseObject({ modelHash: z.string().regex(/^[0-9a-f]{64}$/) }),
  measures: z.array(
    z.looseObject({
      kind: z.string(),
      slot: z.string(),
      newest: z.boolean(),
      detail: z.looseObject({
        temperature: z.looseObject({ value: z.number().positive(), low: z.number(), high: z.number() }).nullish(),
      }),
    }),
  ),
});

/** A temperature that a report found, and of which model it is. */
export type ReportTemperature = {
  readonly temperature: number;
  /** SHA-256 of the model's weights as bytes, hex. */
  readonly modelHash: string;
};

/**
 * The temperature of a report (`sotto report`, its JSON): what divides the logits of its model so that the scores of its part's rows come true
 * as often as they say. Released with its noise, so it costs nothing to use.
 *
 * @throws {INVALID_INPUT} when the document is no report, or its run was not asked for performance, or the temperature is withheld.
 */
export function temperatureOfReport(document: unknown): ReportTemperature {
  const parsed = reportParts.safeParse(document);
  if (!parsed.success) throw new SottoError('INVALID_INPUT', `report: not a report: ${z.prettifyError(parsed.error)}`);
  const { run, measures } = parsed.data;
  const measured = measures.find(({ kind, slot, newest }) => kind === 'performance' && slot === 'report' && newest);
  if (measured === undefined) {
    throw new SottoError(
      'INVALID_INPUT',
      'report: its run was not asked for performance, which a temperature comes from',
    );
  }
  const { temperature } = measured.detail;
  if (temperature == null) {
    throw new SottoError(
      'INVALID_INPUT',
      'report: it tells no temperature: the target is not a binary one, or the noise leaves none to be told',
    );
  }
  return { temperature: temperature.value, modelHash: run.modelHash };
}
