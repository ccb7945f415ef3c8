export { reportPage } from './page/report-page.ts';
export { reportDocument, type ReportEvaluation, type ReportInput, type ReportRelease } from './report-document.ts';
export { reportSchema, type ReportDocument } from './report-schema.ts';
