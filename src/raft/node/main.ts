// The production node. It has no switch for defects: they have an entry of their own.
process.on('uncaughtException', (error) => {
  process.stderr.write(`stopped by a bug: ${error.stack ?? error.message}\n`);
  process.exit(70);
});

const { PRODUCTION, startNode } = await import('./start.ts');
await startNode(process.argv.slice(2), PRODUCTION);
