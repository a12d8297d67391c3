/** kvdb pragmas */
import { adminMethods, answerJson, connectionRoleToJSON, ProtoSchema } from "../../client/index.js";
import type { Command } from "../command.js";
import { alignedTable, showEnum } from "../show.js";

export const pragmas: Command = {
  name: "pragmas",
  summary: "Every SQLite pragma on every connection, as set and as in force.",
  positionals: [],
  flags: { options: { kind: "switch", doc: "Show SQLite's compile options too." } },
  details: "A pragma whose value is not the one that was set (drift) ends with exit code 8.",
  examples: ["kvdb pragmas"],
  run: async (call) => {
    const client = await call.connect();
    const answer = await client.admin.getPragmaStatus({}, { signal: call.signal });
    const rows = answer.connections.flatMap((connection) => {
      const role = showEnum(connectionRoleToJSON(connection.role), "CONNECTION_ROLE");
      return connection.pragmas.map((pragma) => ({ connection, role, pragma }));
    });
    const options = call.flags.switched("options") ? ["", ...answer.compileOptions] : [];
    await call.out.answer(
      async () => answerJson(await ProtoSchema.load(), adminMethods.getPragmaStatus, answer),
      () => [
        ...alignedTable(
          ["connection", "role", "pragma", "set to", "in force", "drift"],
          rows.map(({ connection, role, pragma }) => [
            connection.name,
            role,
            pragma.name,
            pragma.configured,
            pragma.effective,
            pragma.drift ? "DRIFT" : "no",
          ]),
        ),
        ...(answer.note === "" ? [] : ["", answer.note]),
        ...options,
      ],
    );
    return rows.some(({ pragma }) => pragma.drift) ? "database" : "ok";
  },
};
