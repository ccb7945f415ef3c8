import { z } from 'zod';
import type { ReportMeasure } from './report-schema.ts';

const group = z.object({ group: z.string(), withheld: z.string().nullable() });
const groupsDetail = z.object({ attributes: z.array(z.object({ name: z.string(), groups: z.array(group) })) });
const clientsDetail = z.object({
  clients: z.array(z.object({ accuracy: z.object({ withheld: z.string().nullable() }) })),
});

/** Groups named in a sentence; of more their number is told. */
const namedMax = 5;

/**
 * Whom a figure that compares groups or clients says nothing about, as a sentence; empty where it is about all. A comparison of those that are
 * large enough is no statement on the others, however well it looks.
 */
export function leftOutWords({ kind, detail }: Pick<ReportMeasure, 'kind' | 'detail'>, figure: string): string {
  if (kind === 'clients') {
    const found = clientsDetail.safeParse(detail);
    const silent = found.data?.clients.filter(({ accuracy }) => accuracy.withheld !== null).length ?? 0;
    return silent === 0 ? '' : ` ${silent} of ${found.data!.clients.length} clients are withheld and not in it.`;
  }
  const found = groupsDetail.safeParse(detail);
  const attribute = found.data?.attributes.find(({ name }) => figure.includes(`.${name}.`));
  const silent = attribute?.groups.filter(({ withheld }) => withheld !== null).map((one) => one.group) ?? [];
  if (silent.length === 0) return '';
  const more = silent.length > namedMax ? ` and ${silent.length - namedMax} more` : '';
  return ` Withheld as too small and not in it: ${silent.slice(0, namedMax).join(', ')}${more}.`;
}
