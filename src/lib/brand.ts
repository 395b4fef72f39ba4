declare const brand: unique symbol;

/** A primitive that only its own constructor function can make: mixing two up is a compile error. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
