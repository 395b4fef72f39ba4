// What one operation costs the clients' event loop: npm run bench:statistics
import { PhaseTracker } from '../../statistics/phase.ts';
import { RunStatistics } from '../../statistics/run-statistics.ts';

const OPERATIONS = 2_000_000;
const ROUNDS = 5;
/** Between two completions: 20,000 operations per second. */
const STEP_NS = 50_000;
const FUNCTIONS = ['read', 'write', 'cas'] as const;
const OUTCOMES = ['ok', 'ok', 'ok', 'ok', 'ok', 'ok', 'fail', 'info'] as const;

for (let round = 0; round < ROUNDS; round++) {
  const phases = new PhaseTracker();
  const statistics = new RunStatistics({ startNs: 0, phases });
  let now = 0;
  let drawn = 12_345;
  const began = performance.now();
  for (let i = 0; i < OPERATIONS; i++) {
    drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) & 0x7fffffff;
    now += STEP_NS;
    if (i % 400_000 === 0) phases.began(i, 'kill:one', now);
    if (i % 400_000 === 60_000) phases.healed(i - 60_000, now);
    const f = FUNCTIONS[drawn % 3] ?? 'read';
    const outcome = OUTCOMES[(drawn >> 8) % 8] ?? 'ok';
    const intendedNs = now - 200_000 - (drawn % 5_000_000);
    statistics.record({ f, outcome, isMutation: f !== 'read', intendedNs, completedNs: now });
  }
  const recordedMs = performance.now() - began;
  const text = JSON.stringify(statistics.snapshot(now));
  const snapshotMs = performance.now() - began - recordedMs;
  process.stdout.write(
    `${((recordedMs / OPERATIONS) * 1e6).toFixed(0)} ns per operation; snapshot of ` +
      `${Math.round(now / 1e9)} s: ${snapshotMs.toFixed(0)} ms, ${(text.length / 1024).toFixed(0)} KiB\n`,
  );
}
