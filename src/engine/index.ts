/** The engine's front door: what outside code imports to serve a store. */
export type { EngineOptions, EnginePorts, FatalFault, Synchronous } from "./engine-options.js";
export { openEngine } from "./open-engine.js";
