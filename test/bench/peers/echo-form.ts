/** The two calls of the bare server; its answers are as long as kvdb's. */
export const echoPath = { get: "/kvdb.bench.Echo/Get", put: "/kvdb.bench.Echo/Put" } as const;
/** A header of some 75 bytes; for a Get the key, the value, three numbers and their tags too. */
export const echoAnswerBytes = { get: 384, put: 76 } as const;
