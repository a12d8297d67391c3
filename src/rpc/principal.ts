/** Who a call comes from. One kind until credentials exist; handlers must not assume more. */
export interface Principal {
  readonly kind: "anonymous";
  /** What the log records as the author of a change; undefined = nobody was named. */
  readonly name: string | undefined;
}

export const anonymous: Principal = Object.freeze({ kind: "anonymous", name: undefined });
