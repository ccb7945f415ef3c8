export { createSockets, type Sockets } from './socket-server.ts';
