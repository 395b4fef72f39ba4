// A node for tests of durability: killing it loses what it did not sync. Not the production entry.
process.on('uncaughtException', (error) => {
  process.stderr.write(`stopped by a bug: ${error.stack ?? error.message}\n`);
  process.exit(70);
});
process.stdout.write('*** volatile disk: a killed node loses what it did not sync ***\n');

const { PRODUCTION, startNode } = await import('../../node/start.ts');
const { openVolatileDirectory } = await import('./volatile-disk.ts');
await startNode(process.argv.slice(2), { ...PRODUCTION, openDisk: openVolatileDirectory });
