export { createAccess, type Access } from './access.ts';
export { createHttpApp, type HttpInput } from './http-app.ts';
