/** Requests that are refused before they reach the store, and why. */
export const malformedCount = 1;
