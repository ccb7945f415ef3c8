export { createHttpApp, type HttpInput } from './http-app.ts';
