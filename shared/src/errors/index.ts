export { errorCodes, type ErrorCode } from './codes.ts';
export { SottoError, isSottoError } from './sotto-error.ts';
export { exitCodeHelp, exitCodeOf, exitCodes } from './exit-codes.ts';
