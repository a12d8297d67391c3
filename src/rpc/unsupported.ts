/**
 * Methods of the contract that this server does not offer yet. They are served, so that a client
 * gets a reason and a hint instead of a bare UNIMPLEMENTED.
 */
import type { Bidi, ServerStream, Unary } from "./call.js";
import { unsupported } from "./error-details.js";

export function unsupportedUnary(what: string, hint: string): Unary<unknown, never> {
  return () => {
    throw unsupported(what, hint);
  };
}

export function unsupportedServerStream(what: string, hint: string): ServerStream<unknown, never> {
  return () => Promise.reject(unsupported(what, hint));
}

export function unsupportedBidi(what: string, hint: string): Bidi<unknown, never> {
  return () => Promise.reject(unsupported(what, hint));
}
