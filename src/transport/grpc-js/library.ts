/**
 * The parts of grpc-js that run here, required and not imported: it is CommonJS, and an import of
 * that kind has all its files read and parsed for names first.
 */
import { createRequire } from "node:module";
import type * as GrpcJs from "@grpc/grpc-js";

export const { Metadata, Server, ServerCredentials } = createRequire(import.meta.url)(
  "@grpc/grpc-js",
) as typeof GrpcJs;
export type Metadata = GrpcJs.Metadata;
export type Server = GrpcJs.Server;
