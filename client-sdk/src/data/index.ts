export { readCsv, readCsvRecords } from './csv.ts';
export { rowsAt } from './sources.ts';
export {
  createLocalData,
  partOfUnit,
  shareUnits,
  unitsByPart,
  type PlacedUnits,
  type SplitFractions,
} from './split.ts';
export { createUnitTable, type UnitTableBuilder } from './unit-table.ts';
export {
  fromArrays,
  fromFile,
  fromImages,
  fromIndexedDb,
  fromIterable,
  readUnits,
  type ChosenFile,
  type ColumnArray,
  type DataReport,
  type ImageValue,
  type LabelledImage,
  type ObjectStorePlace,
  type RowSource,
  type UnitTable,
} from './web.ts';
