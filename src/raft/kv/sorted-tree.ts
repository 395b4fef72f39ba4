import { assert, defined } from '../../lib/assert.ts';

/** Rows in a leaf, children of a branch: a change of one row copies at most so many, per level. */
const FANOUT_MAX = 64;
/** Neighbours that became small are made one, unless it would soon be split again. */
const MERGED_MAX = 48;
const SMALL = 16;

/** Who may write into a node. A frozen tree and the live one share nodes that belong to neither. */
type Owner = object;

interface Leaf<V> {
  readonly isLeaf: true;
  readonly owner: Owner;
  readonly keys: string[];
  readonly values: V[];
}

interface Branch<V> {
  readonly isLeaf: false;
  readonly owner: Owner;
  /** No key below `children[i]` is less than `keys[i]`; the first says nothing. */
  readonly keys: string[];
  readonly children: Node<V>[];
}

type Node<V> = Leaf<V> | Branch<V>;

/**
 * A map from texts to values in the order of the texts (by UTF-16 code units, as `<` has it), which
 * can be frozen at any time at no cost: what was frozen keeps its nodes, and the live tree copies a
 * node before it first changes it (a B+ tree with path copying).
 *
 * The order is the keys' own, so that two replicas iterate alike however they came to their rows.
 */
export class SortedTree<V> {
  #owner: Owner = {};
  #root: Node<V> = { isLeaf: true, owner: this.#owner, keys: [], values: [] };
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    let node = this.#root;
    while (!node.isLeaf) node = childAt(node, childOf(node, key));
    const at = placeOf(node.keys, key);
    return node.keys[at] === key ? node.values[at] : undefined;
  }

  set(key: string, value: V): void {
    const root = this.#own(this.#root);
    this.#root = root;
    const split = this.#put(root, key, value);
    if (split === undefined) return;
    const keys = ['', defined(split.keys[0], 'half of a node')];
    this.#root = { isLeaf: false, owner: this.#owner, keys, children: [root, split] };
  }

  /** @returns whether it was there */
  delete(key: string): boolean {
    // What is not there must not cost a copy.
    if (this.get(key) === undefined) return false;
    let root = this.#own(this.#root);
    this.#remove(root, key);
    while (!root.isLeaf && root.children.length === 1) root = this.#own(childAt(root, 0));
    this.#root = root;
    this.#size -= 1;
    return true;
  }

  /** The rows from the first key that is not less than `from`; void once the tree changes. */
  cursor(from: string = ''): Cursor<V> {
    return new Cursor(this.#root, from);
  }

  /** The rows as they are now, whatever happens to the tree from now on. */
  freeze(): Cursor<V> {
    this.#owner = {};
    return new Cursor(this.#root, '');
  }

  #own<N extends Node<V>>(node: N): N;
  #own(node: Node<V>): Node<V> {
    if (node.owner === this.#owner) return node;
    const [owner, keys] = [this.#owner, node.keys.slice()];
    return node.isLeaf
      ? { isLeaf: true, owner, keys, values: node.values.slice() }
      : { isLeaf: false, owner, keys, children: node.children.slice() };
  }

  #ownChild(branch: Branch<V>, at: number): Node<V> {
    const child = this.#own(childAt(branch, at));
    branch.children[at] = child;
    return child;
  }

  /** @returns the upper half of the node, where it had to be split */
  #put(node: Node<V>, key: string, value: V): Node<V> | undefined {
    if (node.isLeaf) {
      const at = placeOf(node.keys, key);
      if (node.keys[at] === key) {
        node.values[at] = value;
        return undefined;
      }
      this.#size += 1;
      insert(node.keys, at, key);
      insert(node.values, at, value);
    } else {
      const at = childOf(node, key);
      const split = this.#put(this.#ownChild(node, at), key, value);
      if (split === undefined) return undefined;
      insert(node.keys, at + 1, defined(split.keys[0], 'half of a node'));
      insert(node.children, at + 1, split);
    }
    return node.keys.length > FANOUT_MAX ? this.#split(node, key) : undefined;
  }

  #split(node: Node<V>, key: string): Node<V> {
    const { length } = node.keys;
    // Rows that come in order leave full nodes behind.
    const isLast = node.isLeaf && node.keys[length - 1] === key;
    const at = isLast ? length - 1 : length >>> 1;
    const [owner, keys] = [this.#owner, node.keys.splice(at)];
    return node.isLeaf
      ? { isLeaf: true, owner, keys, values: node.values.splice(at) }
      : { isLeaf: false, owner, keys, children: node.children.splice(at) };
  }

  #remove(node: Node<V>, key: string): void {
    if (node.isLeaf) {
      const at = placeOf(node.keys, key);
      node.keys.splice(at, 1);
      node.values.splice(at, 1);
      return;
    }
    const at = childOf(node, key);
    const child = this.#ownChild(node, at);
    this.#remove(child, key);
    if (child.keys.length >= SMALL) return;
    if (child.keys.length === 0) {
      node.keys.splice(at, 1);
      node.children.splice(at, 1);
    } else if (at > 0) this.#merge(node, at - 1);
    else if (node.children.length > 1) this.#merge(node, at);
  }

  /** Makes one of the child and its right neighbour, if they are few together. */
  #merge(branch: Branch<V>, at: number): void {
    const right = childAt(branch, at + 1);
    if (childAt(branch, at).keys.length + right.keys.length > MERGED_MAX) return;
    const left = this.#ownChild(branch, at);
    if (left.isLeaf && right.isLeaf) {
      left.keys.push(...right.keys);
      left.values.push(...right.values);
    } else {
      assert(!left.isLeaf && !right.isLeaf, 'neighbours are of one level');
      // The first key of a branch says nothing: its parent knows better.
      left.keys.push(branch.keys[at + 1] ?? '', ...right.keys.slice(1));
      left.children.push(...right.children);
    }
    branch.keys.splice(at + 1, 1);
    branch.children.splice(at + 1, 1);
  }
}

/** Goes along rows in their order: `next`, then `key` and `value`. */
export class Cursor<V> {
  key = '';
  #value: V | undefined;
  #leaf: Leaf<V>;
  #at: number;
  /** The branches above, the root first, and which child of each is being read. */
  readonly #above: { readonly branch: Branch<V>; at: number }[] = [];

  constructor(root: Node<V>, from: string) {
    let node = root;
    while (!node.isLeaf) {
      const at = childOf(node, from);
      this.#above.push({ branch: node, at });
      node = childAt(node, at);
    }
    this.#leaf = node;
    this.#at = placeOf(node.keys, from) - 1;
  }

  get value(): V {
    return defined(this.#value, 'a row, since `next` said so');
  }

  /** @returns false behind the last row */
  next(): boolean {
    this.#at += 1;
    if (this.#at >= this.#leaf.keys.length && !this.#nextLeaf()) return false;
    this.key = this.#leaf.keys[this.#at] ?? '';
    this.#value = this.#leaf.values[this.#at];
    return true;
  }

  /** No leaf but a lone root is ever empty. */
  #nextLeaf(): boolean {
    let level = this.#above.length - 1;
    for (; level >= 0; level--) {
      const { branch, at } = defined(this.#above[level], 'within');
      if (at + 1 < branch.children.length) break;
    }
    const turn = this.#above[level];
    if (turn === undefined) {
      this.#at = this.#leaf.keys.length;
      return false;
    }
    turn.at += 1;
    let node = childAt(turn.branch, turn.at);
    this.#above.length = level + 1;
    while (!node.isLeaf) {
      this.#above.push({ branch: node, at: 0 });
      node = childAt(node, 0);
    }
    this.#leaf = node;
    this.#at = 0;
    return true;
  }
}

function childAt<V>(branch: Branch<V>, at: number): Node<V> {
  return defined(branch.children[at], 'a branch has children');
}

/** Below which child the key stands, or would have to. */
function childOf({ keys }: Branch<unknown>, key: string): number {
  let low = 1;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') <= key) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The first place whose key is not less. */
function placeOf(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert<T>(array: T[], at: number, item: T): void {
  if (at === array.length) array.push(item);
  else array.splice(at, 0, item);
}
