import { selectUnits } from '@sotto/shared/model';
import type { BenchData } from './datasets.ts';

/** The data for choosing settings: every fifth training unit of a client is scored instead of its test rows, and trains nothing. */
export function holdOut(data: BenchData): BenchData {
  const clients = data.clients.map(({ name, train }) => {
    const units = Array.from({ length: train.units }, (_, unit) => unit);
    return {
      name,
      train: selectUnits(
        train,
        units.filter((unit) => unit % 5 !== 0),
      ),
      test: selectUnits(
        train,
        units.filter((unit) => unit % 5 === 0),
      ),
    };
  });
  return { ...data, clients };
}
