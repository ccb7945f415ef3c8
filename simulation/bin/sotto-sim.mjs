#!/usr/bin/env node
// A reader that has seen enough, as in `| head`, is no failure.
process.stdout.on('error', (error) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
await import('../dist/bin.js');
