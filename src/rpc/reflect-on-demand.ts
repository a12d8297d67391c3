/**
 * Reflection for those who ask: descriptors and what reads them are loaded by the first call, because
 * most daemons never answer one and every start would pay for it.
 */
import type {
  ServerReflectionRequest,
  ServerReflectionResponse,
} from "../wire/grpc/reflection/v1/reflection.js";
import type { Bidi } from "./call.js";

export type AnswerReflection = Bidi<ServerReflectionRequest, ServerReflectionResponse>;

/** Each call waits for the one load; after one that failed, the next call tries again. */
export function reflectOnDemand(
  load: () => Promise<AnswerReflection> = loadReflection,
): AnswerReflection {
  let loaded: Promise<AnswerReflection> | undefined;
  return async (...call) => {
    loaded ??= load();
    const loading = loaded;
    let reflect: AnswerReflection;
    try {
      reflect = await loading;
    } catch (cause) {
      if (loaded === loading) loaded = undefined;
      throw cause;
    }
    return reflect(...call);
  };
}

async function loadReflection(): Promise<AnswerReflection> {
  const { DescriptorIndex, reflect } = await import("./reflection-service.js");
  const { descriptorSetBase64 } = await import("../wire/descriptor-set.js");
  return reflect(new DescriptorIndex(Buffer.from(descriptorSetBase64, "base64")));
}
