/**
 * Something that a part of the proof needs and that this machine does not have. Then nothing was
 * proven, which is not the same as nothing being wrong; whoever reports must say so.
 */
export class MissingMechanism extends Error {
  override readonly name = "MissingMechanism";
  /** For --allow-missing. */
  readonly mechanism: string;
  readonly hint: string;

  /** `debianPackages`: what to install, if that is all it takes. */
  constructor(mechanism: string, message: string, debianPackages?: string) {
    super(message);
    this.mechanism = mechanism;
    this.hint =
      debianPackages === undefined
        ? `--allow-missing ${mechanism} goes on without it`
        : `apt-get install -y ${debianPackages}`;
  }
}
