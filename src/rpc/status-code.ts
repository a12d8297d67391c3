/** The seventeen gRPC status codes as constants of our own, so that no handler needs a transport. */
export const statusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type StatusCodeName = keyof typeof statusCode;
export type StatusCode = (typeof statusCode)[StatusCodeName];

const names = new Map<StatusCode, StatusCodeName>(
  Object.entries(statusCode).map(([name, code]) => [code, name as StatusCodeName]),
);

export function statusCodeName(code: StatusCode): StatusCodeName {
  return names.get(code) ?? "UNKNOWN";
}
