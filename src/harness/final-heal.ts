import type { Cluster } from '../contracts/cluster.ts';
import type { Nemesis } from '../contracts/nemesis.ts';
import { UserError } from '../lib/user-error.ts';

/**
 * Has every nemesis that this cluster is capable of undo what faults of its kind may have left. One
 * that fails keeps none of the others from it.
 *
 * @throws UserError (`infrastructure`, GONG-E128) when one or more failed; their own error when it was
 *   one, and for users
 */
export async function healEverything(cluster: Cluster, nemeses: Iterable<Nemesis>): Promise<void> {
  const failed: { readonly kind: string; readonly error: unknown }[] = [];
  for (const nemesis of nemeses) {
    if (cluster[nemesis.requires] === undefined) continue;
    try {
      await nemesis.healAll(cluster);
    } catch (error) {
      failed.push({ kind: nemesis.kind, error });
    }
  }
  const [first] = failed;
  if (first === undefined) return;
  if (failed.length === 1 && first.error instanceof UserError) throw first.error;
  const reasons = failed.map(({ kind, error }) => {
    const reason = error instanceof Error ? error.message : String(error);
    return `${kind}: ${reason}`;
  });
  throw new UserError({
    kind: 'infrastructure',
    code: 'GONG-E128',
    what: `what ${failed.map(({ kind }) => kind).join(', ')} did cannot be undone for certain`,
    why: reasons.join('; '),
    fix: 'look into the logs of the nodes, see that nothing is left stopped or cut, and run again',
    cause: first.error,
  });
}
