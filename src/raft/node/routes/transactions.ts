import { TXN_LENGTH_MAX } from '../../kv/limits.ts';
import type { Compare, Operation } from '../../kv/transaction.ts';
import { BadRequest } from '../bad-request.ts';
import {
  type ApiLimits,
  fieldOf,
  parseInteger,
  parseKeyField,
  parseText,
  parseValue,
} from '../fields.ts';
import { commandOf, notForThisPath, type Route } from './call.ts';

const INTEGERS = [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;

/**
 * `POST /txn` with `{"compares":[{"key","is":"=" or "!=","value"}…],"success":[…],"failure":[…]}`;
 * operations are `{"type":"get","key"}`, `put` and `append` with `value`, `delete`, `incr` with `by`.
 */
export const transactionRoute: Route = (call) => {
  if (call.rest !== '') throw new BadRequest(404, 'the path is /txn');
  if (call.method !== 'POST') throw notForThisPath(call);
  const { limits } = call.options;
  return (body) =>
    commandOf(call, {
      type: 'txn',
      compares: listOf(body, 'compares').map((each) => parseCompare(each, limits)),
      success: listOf(body, 'success').map((each) => parseOperation(each, limits)),
      failure: listOf(body, 'failure').map((each) => parseOperation(each, limits)),
    });
};

/** A list of objects; without it, an empty one. */
function listOf(body: object, name: string): readonly object[] {
  const list = fieldOf(body, name);
  if (list === undefined) return [];
  if (!Array.isArray(list)) throw new BadRequest(400, `${name} must be a list`);
  if (list.length > TXN_LENGTH_MAX) {
    throw new BadRequest(413, `${name} has more than ${TXN_LENGTH_MAX} parts`);
  }
  return list.map((each: unknown): object => {
    if (typeof each === 'object' && each !== null) return each;
    throw new BadRequest(400, `${name} must be a list of objects`);
  });
}

function parseCompare(each: object, limits: ApiLimits): Compare {
  const is = fieldOf(each, 'is');
  if (is !== '=' && is !== '!=') throw new BadRequest(400, 'is must be = or !=');
  return { key: parseKeyField(each, 'key', limits), is, value: parseValue(each, 'value', limits) };
}

function parseOperation(each: object, limits: ApiLimits): Operation {
  const type = fieldOf(each, 'type');
  const key = parseKeyField(each, 'key', limits);
  switch (type) {
    case 'get':
    case 'delete':
      return { type, key };
    case 'put':
    case 'append':
      return { type, key, value: parseText(each, 'value', limits) };
    case 'incr':
      return { type, key, by: parseInteger(each, 'by', INTEGERS) };
    default:
      throw new BadRequest(400, 'type must be get, put, delete, incr or append');
  }
}
