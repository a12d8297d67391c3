/** The engine's front door: everything outside src/engine imports from here and nowhere else. */
export type { EngineOptions, EnginePorts, Synchronous } from "./engine-options.js";
export { type ExaminedNamespace, type ExaminedStore, examineStore } from "./examine-store.js";
export { type GlancedStore, glanceAtStore } from "./glance-at-store.js";
export { openEngine } from "./open-engine.js";
