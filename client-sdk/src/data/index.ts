export { readCsv, readCsvRecords } from './csv.ts';
export {
  createLocalData,
  partOfUnit,
  shareUnits,
  unitsByPart,
  type PlacedUnits,
  type SplitFractions,
} from './split.ts';
export { createUnitTable, type DataReport, type UnitTable, type UnitTableBuilder } from './unit-table.ts';
