/**
 * Reflection for those who ask: descriptors and what reads them are loaded by the first call, because
 * most daemons never answer one and every start would pay for it.
 */
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from "../wire/grpc/reflection/v1/reflection.js";
import type { Bidi } from "./call.js";

type Reflect = Bidi<ServerReflectionRequest, ServerReflectionResponse>;

/** Each call waits for the one load. */
export function reflectOnDemand(): Reflect {
  let loaded: Promise<Reflect> | undefined;
  return async (...call) => {
    loaded ??= loadReflection();
    const reflect = await loaded;
    return reflect(...call);
  };
}

async function loadReflection(): Promise<Reflect> {
  const { DescriptorIndex, reflect } = await import("./reflection-service.js");
  const { descriptorSetBase64 } = await import("../wire/descriptor-set.js");
  return reflect(new DescriptorIndex(Buffer.from(descriptorSetBase64, "base64")));
}
