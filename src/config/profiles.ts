/**
 * Three sets of defaults. A profile never moves the data: it changes how safely and how often, and
 * the place of the file comes from KVDB_SQLITE_FILE or from a profile's *file*, which sets it in
 * plain sight. Otherwise naming a profile would open another, empty database.
 */

export const profileNames = ["dev", "staging", "production"] as const;
export type Profile = (typeof profileNames)[number];

export const profiles = {
  dev: {
    file: "development.env",
    nodeEnv: "development",
    doc: "Fast and forgetful: an acknowledged write may be lost at a power cut.",
  },
  staging: {
    file: "staging.env",
    nodeEnv: "production",
    doc: "As production, but values that production refuses are allowed.",
  },
  production: {
    file: "production.env",
    nodeEnv: "production",
    doc: "The default. Refuses values that could lose acknowledged writes unnoticed.",
  },
} as const satisfies Readonly<
  Record<Profile, { readonly file: string; readonly nodeEnv: string; readonly doc: string }>
>;
