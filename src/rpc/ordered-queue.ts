/** A short queue between one that sends and one that waits for answers in order. */
export class OrderedQueue<Item> {
  readonly #items: Item[] = [];
  readonly #itemsMax: number;
  #ended = false;
  #wakeSender: (() => void) | undefined;
  #wakeReceiver: (() => void) | undefined;

  constructor(itemsMax: number) {
    this.#itemsMax = itemsMax;
  }

  /** Resolves once there is room for one more. One sender at a time. */
  async push(item: Item): Promise<void> {
    this.#items.push(item);
    this.#wakeReceiver?.();
    while (this.#items.length >= this.#itemsMax) {
      await new Promise<void>((resolve) => {
        this.#wakeSender = resolve;
      });
    }
  }

  /** Nothing more will be pushed. */
  end(): void {
    this.#ended = true;
    this.#wakeReceiver?.();
  }

  /** The next item; undefined after the last one. One receiver at a time. */
  async shift(): Promise<Item | undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        this.#wakeSender?.();
        return item;
      }
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#wakeReceiver = resolve;
      });
    }
  }
}
