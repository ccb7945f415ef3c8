export { errorCodes, type ErrorCode } from './codes.ts';
export { SottoError, isSottoError } from './sotto-error.ts';
