/**
 * grpc.health.v1 from the state of the store. One answer for every service: what stops one stops
 * all; reasons are for AdminService.GetStatus to tell.
 */
import {
  type HealthCheckRequest,
  type HealthCheckResponse,
  type HealthListRequest,
  type HealthListResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../wire/grpc/health/v1/health.js";
import type { CallContext, ServerStream, Unary } from "./call.js";
import { refuse } from "./error-details.js";
import type { HealthSource } from "./readiness.js";

export class HealthService {
  readonly #source: HealthSource;
  /** "" is the server as a whole. */
  readonly #services: ReadonlySet<string>;

  constructor(source: HealthSource, services: readonly string[]) {
    this.#source = source;
    this.#services = new Set(["", ...services]);
  }

  readonly check: Unary<HealthCheckRequest, HealthCheckResponse> = ({ service }) => {
    if (this.#services.has(service)) return { status: this.#status() };
    throw refuse("SERVICE_NOT_FOUND", {
      message: "there is no such service here",
      hint: "ask for one of the services that reflection lists, or for the empty name",
    });
  };

  readonly list: Unary<HealthListRequest, HealthListResponse> = () => ({
    statuses: new Map([...this.#services].map((name) => [name, { status: this.#status() }])),
  });

  /** The state now, then every change of it, until the client or the server ends the call. */
  readonly watch: ServerStream<HealthCheckRequest, HealthCheckResponse> = async (
    { service },
    out,
    call,
  ) => {
    const known = this.#services.has(service);
    let told: HealthCheckResponse["status"] | undefined;
    for (;;) {
      const status = known ? this.#status() : ServingStatus.SERVICE_UNKNOWN;
      if (status === told) await this.#change(call);
      else {
        told = status;
        await out.write({ status });
      }
      if (call.cancelled()) return;
    }
  };

  #status(): HealthCheckResponse["status"] {
    return this.#source.serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  #change(call: CallContext): Promise<void> {
    const signal = call.signal();
    return new Promise((resolve) => {
      const cancel = this.#source.onChange(finish);
      signal.addEventListener("abort", finish);
      if (signal.aborted) finish();
      function finish(): void {
        cancel();
        signal.removeEventListener("abort", finish);
        resolve();
      }
    });
  }
}
