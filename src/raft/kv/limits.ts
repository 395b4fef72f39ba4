/**
 * What a client may ask for at most. Those that the state machine looks at itself (the last four)
 * decide results: nodes that differ in them would go apart.
 */

/** Bytes of UTF-8; of names of lock owners too. */
export const KEY_BYTES_MAX = 512;
/** Bytes of UTF-8; of elements of sets and queues too. */
export const VALUE_BYTES_MAX: number = 256 * 1024;
/** Compares, and operations in each branch. */
export const TXN_LENGTH_MAX = 128;
/** How long a lock or a session may outlive its last sign of life. */
export const EXPIRY_MS_MAX: number = 24 * 60 * 60 * 1000;

/** UTF-16 units of a value that grew by appending; counted without looking at its text. */
export const APPENDED_UNITS_MAX: number = VALUE_BYTES_MAX;
/** UTF-16 units that one transaction answers with. */
export const TXN_ANSWER_UNITS_MAX: number = 1024 * 1024;
/** A read answers with all of a set at once. */
export const SET_MAX: { readonly elements: number; readonly units: number } = {
  elements: 65_536,
  units: 1024 * 1024,
};
/** Answers that are kept for the retries of one session. */
export const SESSION_ANSWERS_MAX: { readonly count: number; readonly units: number } = {
  count: 256,
  units: 1024 * 1024,
};
