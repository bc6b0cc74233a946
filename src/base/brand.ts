declare const brand: unique symbol;

/** A value already checked for `Name`: a plain `T` cannot be passed where a branded one is asked. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
