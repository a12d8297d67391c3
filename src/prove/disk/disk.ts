/**
 * A directory as the disk has it, rebuilt from the log: names and files apart, because a name that
 * was made, moved or removed is on the disk only when its directory was synced, whatever became of
 * the file. Sub-directories are names like any other; their files have a path.
 */
import { dirname } from "node:path";
import type { Naming, Operation } from "../recording/operation-log.js";
import { FileImage } from "./file-image.js";

export type Names = ReadonlyMap<string, FileImage>;

interface NameChange {
  readonly at: number;
  readonly directory: string;
  readonly apply: (names: Map<string, FileImage>) => void;
}

export class Disk {
  /** As programs see it. */
  readonly #visible = new Map<string, FileImage>();
  readonly #durable = new Map<string, FileImage>();
  #changes: readonly NameChange[] = [];

  /** Names that were changed since their directory was last synced. */
  get nameChanges(): number {
    return this.#changes.length;
  }

  /** Changes that a power cut may undo: of names, and of what is in files. */
  get unsynced(): number {
    const files = new Set(this.#visible.values());
    let count = this.#changes.length;
    for (const file of files) count += file.unsynced.length;
    return count;
  }

  /** The names on the disk when the first so many of the unsynced changes have reached it. */
  namesAfter(changes: number): Names {
    const names = new Map(this.#durable);
    for (const change of this.#changes.slice(0, changes)) change.apply(names);
    return names;
  }

  /** False for an operation that is not about the disk. */
  apply(operation: Operation): boolean {
    switch (operation.kind) {
      case "wrote":
        this.#visible.get(operation.name)?.write(operation);
        return true;
      case "truncated":
        this.#visible.get(operation.name)?.truncate(operation.index, operation.length);
        return true;
      case "synced":
        if (operation.isDirectory) this.#syncDirectory(operation.name, operation.beganAt);
        else this.#visible.get(operation.name)?.sync(operation.beganAt);
        return true;
      case "sync-failed":
        if (!operation.isDirectory) this.#visible.get(operation.name)?.failSync(operation.beganAt);
        return true;
      case "created":
      case "unlinked":
      case "renamed":
      case "linked":
        this.#change(operation);
        return true;
      case "made-directory":
      case "received":
      case "sending":
      case "marked":
      case "faulted":
        return false;
    }
  }

  #change(operation: Naming): void {
    const apply = effectOf(operation);
    apply(this.#visible);
    const change = { at: operation.index, directory: dirname(operation.name), apply };
    this.#changes = [...this.#changes, change];
  }

  #syncDirectory(directory: string, beganAt: number): void {
    const covered = this.#changes.filter((change) => {
      return change.directory === directory && change.at <= beganAt;
    });
    for (const change of covered) change.apply(this.#durable);
    this.#changes = this.#changes.filter((change) => !covered.includes(change));
  }
}

function effectOf(operation: Naming): (names: Map<string, FileImage>) => void {
  const { name } = operation;
  switch (operation.kind) {
    case "created": {
      const file = new FileImage();
      return (names) => names.set(name, file);
    }
    case "unlinked":
      return (names) => names.delete(name);
    case "renamed":
    case "linked":
      return (names) => {
        const file = names.get(name);
        if (file === undefined) return;
        names.set(operation.to, file);
        if (operation.kind === "renamed") names.delete(name);
      };
  }
}
