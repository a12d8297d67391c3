/** The parts of the proof, in the order in which they are tried. */
export const partNames = [
  "disk-sync",
  "power-cuts",
  "failed-syncs",
  "io-faults",
  "read-faults",
  "disk-full",
  "exact-kills",
  "kills",
  "bit-flips",
  "controls",
] as const;

export type PartName = (typeof partNames)[number];
