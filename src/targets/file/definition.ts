import type { ConsistencyPromise, TargetAdmin, TargetDefinition } from '../../contracts/target.ts';
import { UserError } from '../../lib/user-error.ts';

const SHAPE = 'see "Your own store" in README.md';

/** GONG-E143: a member of the file's target is missing or of the wrong type. */
function badMember(file: string, member: string, why: string): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E143',
    what: `${file}: target.${member} ${why}`,
    why: 'Gong cannot use the target without it',
    fix: `correct it in the file; ${SHAPE}`,
  });
}

/** GONG-E143: a member that Gong does not know, and would leave out silently. */
function unknownMember(file: string, member: string, known: readonly string[]): UserError {
  return new UserError({
    kind: 'usage',
    code: 'GONG-E143',
    what: `${file}: target.${member} is not known`,
    why: `it has ${known.join(', ')}; what is misspelt would be left out silently`,
    fix: `correct its name in the file, or declare it outside of the target; ${SHAPE}`,
  });
}

type Kind = 'text' | 'function' | 'boolean' | 'list of texts' | 'object of functions';

/** Every member, what it must be, and whether it may be left out. */
const MEMBERS: readonly (readonly [
  member: keyof TargetDefinition,
  kind: Kind,
  isOptional: boolean,
])[] = [
  ['name', 'text', true],
  ['functions', 'list of texts', false],
  ['readModes', 'list of texts', true],
  ['hasLeader', 'boolean', true],
  ['promises', 'function', false],
  ['launch', 'function', true],
  ['resolveSettings', 'function', true],
  ['electionTimeoutNsMax', 'function', true],
  ['probe', 'function', false],
  ['connect', 'function', false],
  ['admin', 'object of functions', true],
];

const ADMIN: readonly (keyof TargetAdmin)[] = ['members', 'changeMembers', 'transferLeadership'];

/**
 * What a target file exported, if it is a target.
 *
 * @throws UserError (`usage`, GONG-E143) that names the file and the member
 */
export function asDefinition(file: string, exported: unknown): TargetDefinition {
  if (typeof exported !== 'object' || exported === null) {
    throw new UserError({
      kind: 'usage',
      code: 'GONG-E143',
      what: `${file}: its target is ${exported === null ? 'null' : `a ${typeof exported}`}, no object`,
      why: 'a target is an object with functions, promises, probe and connect',
      fix: `export one: export const target = { … }; ${SHAPE}`,
    });
  }
  for (const [member, kind, isOptional] of MEMBERS) {
    const value: unknown = Reflect.get(exported, member);
    if (value === undefined && isOptional) continue;
    if (value === undefined) throw badMember(file, member, `is missing: it must be a ${kind}`);
    if (!isOfKind(value, kind)) throw badMember(file, member, `is no ${kind}`);
  }
  const known = MEMBERS.map(([member]): string => member);
  const unknown = Object.keys(exported).filter((name) => !known.includes(name));
  if (unknown[0] !== undefined && isLiteral(exported)) {
    throw unknownMember(file, unknown[0], known);
  }
  const definition = exported as TargetDefinition;
  const strange = Object.keys(definition.admin ?? {}).find((name) => !isOneOf(name, ADMIN));
  if (strange !== undefined) throw unknownMember(file, `admin.${strange}`, ADMIN);
  return definition;
}

function isOneOf(name: string, known: readonly string[]): boolean {
  return known.includes(name);
}

function isLiteral(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}

function isOfKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string' && value !== '';
    case 'function':
      return typeof value === 'function';
    case 'boolean':
      return typeof value === 'boolean';
    case 'list of texts':
      return (
        Array.isArray(value) && value.length > 0 && value.every((one) => isOfKind(one, 'text'))
      );
    case 'object of functions':
      return isRecord(value) && Object.values(value).every((one) => isOfKind(one, 'function'));
    default:
      return false;
  }
}

/** Undefined when `value` is no promise of consistency. */
export function asPromise(value: unknown): ConsistencyPromise | undefined {
  if (!isRecord(value)) return undefined;
  const { consistency, note, models } = value;
  if (models !== undefined && !isOfKind(models, 'list of texts')) return undefined;
  const isWeaker = consistency === 'weaker' && isOfKind(note, 'text');
  return consistency === 'linearizable' || isWeaker ? (value as ConsistencyPromise) : undefined;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isTexts(value: unknown): value is Readonly<Record<string, string>> {
  return isRecord(value) && Object.values(value).every((one) => typeof one === 'string');
}
