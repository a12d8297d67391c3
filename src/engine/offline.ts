/**
 * The engine's side door, for who looks into a store that nobody serves. Apart from index.ts, so that
 * a daemon that starts does not load it.
 */
export { type ExaminedNamespace, type ExaminedStore, examineStore } from "./examine-store.js";
export { type GlancedStore, glanceAtStore } from "./glance-at-store.js";
