/** kvdb namespace */
import {
  answerJson,
  type KvClient,
  type NamespaceInfo,
  type NamespaceSettings,
  namespaceMethods,
  ProtoSchema,
} from "../../client/index.js";
import { usageError } from "../cli-error.js";
import type { Command, FlagTable, Invocation } from "../command.js";
import type { ExitName } from "../exit-codes.js";
import type { FlagValues } from "../flag-values.js";
import { alignedTable, nameAndValue, showCount, showSize, showTime } from "../show.js";

const onOff = ["on", "off"] as const;
const settingFlags = {
  "quota-bytes": {
    kind: "revision",
    placeholder: "BYTES",
    doc: "Most bytes of live keys and values. 0: no quota.",
  },
  "quota-keys": { kind: "revision", placeholder: "N", doc: "Most live keys. 0: no quota." },
  "history-reads": {
    kind: "choice",
    choices: onOff,
    doc: "Keep replaced versions, so that past revisions can be read. Costs overwrites about half their rate.",
  },
  "block-reads": { kind: "choice", choices: onOff, doc: "Refuse reads." },
  "block-writes": { kind: "choice", choices: onOff, doc: "Refuse writes." },
  "block-reason": { kind: "text", placeholder: "TEXT", doc: "Why, told to the callers refused." },
} as const satisfies FlagTable;

const actions = ["list", "get", "create", "update", "delete"] as const;
type Action = (typeof actions)[number];

export const namespace: Command = {
  name: "namespace",
  summary: "List, show, create, change or delete namespaces.",
  positionals: [
    { name: "ACTION", doc: `One of ${actions.join(", ")}. Default: list.`, optional: true },
    { name: "NAME", doc: "The namespace, for every action but list.", optional: true },
  ],
  flags: settingFlags,
  details:
    "The flags are settings: for create, one that is not given has its default; for update, it stays as it is.",
  examples: [
    "kvdb namespace",
    "kvdb namespace create shop --quota-keys 1000000",
    "kvdb namespace update shop --history-reads on",
  ],
  run: async (call) => {
    const [word = "list", name] = call.args;
    const action = actions.find((known) => known === word);
    if (action === undefined) {
      throw usageError(`namespace has no action ${word}`, `it has ${actions.join(", ")}`);
    }
    if (action !== "list" && name === undefined) {
      throw usageError(`namespace ${action} needs a NAME`, "`kvdb namespace list` shows them");
    }
    const settings = settingsFrom(call.flags);
    const client = await call.connect();
    return await act(call, client, { action, name: name ?? "", settings });
  },
};

interface Wanted {
  readonly action: Action;
  readonly name: string;
  readonly settings: Partial<NamespaceSettings>;
}

async function act(call: Invocation, client: KvClient, wanted: Wanted): Promise<ExitName> {
  const { name, settings } = wanted;
  const { signal } = call;
  switch (wanted.action) {
    case "list":
      return await showAll(call, client);
    case "get": {
      const answer = await client.namespaces.getNamespace({ namespace: name }, { signal });
      return await showOne(call, answer.namespace, namespaceMethods.getNamespace, answer);
    }
    case "create": {
      const request = { namespace: name, settings };
      const answer = await client.namespaces.createNamespace(request, { signal });
      return await showOne(call, answer.namespace, namespaceMethods.createNamespace, answer);
    }
    case "update": {
      const request = { namespace: name, settings };
      const answer = await client.namespaces.updateNamespace(request, { signal });
      return await showOne(call, answer.namespace, namespaceMethods.updateNamespace, answer);
    }
    case "delete": {
      const { deletedCount } = await client.namespaces.deleteNamespace(
        { namespace: name },
        { signal },
      );
      await call.out.answer(
        () => ({ namespace: name, deletedCount }),
        () => [`deleted ${name}, keys: ${showCount(deletedCount)}`],
      );
      return "ok";
    }
  }
}

function settingsFrom(flags: FlagValues): Partial<NamespaceSettings> {
  const quotaBytes = flags.revision("quota-bytes");
  const quotaKeys = flags.revision("quota-keys");
  const historyReads = flags.choice("history-reads");
  const blockReads = flags.choice("block-reads");
  const blockWrites = flags.choice("block-writes");
  const blockReason = flags.text("block-reason");
  return {
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(quotaKeys !== undefined && { quotaKeys }),
    ...(historyReads !== undefined && { historyReads: historyReads === "on" }),
    ...(blockReads !== undefined && { blockReads: blockReads === "on" }),
    ...(blockWrites !== undefined && { blockWrites: blockWrites === "on" }),
    ...(blockReason !== undefined && { blockReason }),
  };
}

async function showAll({ out, signal }: Invocation, client: KvClient): Promise<ExitName> {
  const schema = await ProtoSchema.load();
  const found: NamespaceInfo[] = [];
  const json: unknown[] = [];
  let pageToken = "";
  do {
    const page = await client.namespaces.listNamespaces({ pageToken }, { signal });
    found.push(...page.namespaces);
    const { namespaces } = answerJson(schema, namespaceMethods.listNamespaces, page);
    json.push(...(namespaces as unknown[]));
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  await out.answer(
    () => ({ namespaces: json }),
    () => {
      return alignedTable(
        ["namespace", "keys", "bytes", "head", "history reads", "blocked"],
        found.map((info) => [
          info.name,
          showCount(info.stats?.keys ?? 0),
          showSize(info.stats?.liveBytes ?? 0),
          String(info.stats?.headRevision ?? 0n),
          info.settings?.historyReads === true ? "on" : "off",
          blockedText(info.settings),
        ]),
      );
    },
  );
  return "ok";
}

function blockedText(settings: NamespaceSettings | undefined): string {
  const blocked = [
    ...(settings?.blockReads === true ? ["reads"] : []),
    ...(settings?.blockWrites === true ? ["writes"] : []),
  ];
  return blocked.length === 0 ? "-" : blocked.join(", ");
}

async function showOne<Answer>(
  { out }: Invocation,
  info: NamespaceInfo | undefined,
  row: Parameters<typeof answerJson<Answer>>[1],
  answer: Answer,
): Promise<ExitName> {
  const { settings, stats } = info ?? {};
  const quotaBytes = Number(settings?.quotaBytes ?? 0n);
  const quotaKeys = settings?.quotaKeys ?? 0n;
  await out.answer(
    async () => answerJson(await ProtoSchema.load(), row, answer),
    () => {
      return nameAndValue([
        ["namespace", info?.name ?? "-"],
        ["keys", showCount(stats?.keys ?? 0)],
        ["live bytes", showSize(stats?.liveBytes ?? 0)],
        ["history bytes", showSize(stats?.historyBytes ?? 0)],
        ["head revision", String(stats?.headRevision ?? 0n)],
        ["oldest revision", String(stats?.oldestRevision ?? 0n)],
        ["created", showTime(stats?.createTime)],
        ["quota bytes", quotaBytes === 0 ? "none" : showSize(quotaBytes)],
        ["quota keys", quotaKeys === 0n ? "none" : showCount(quotaKeys)],
        ["history reads", settings?.historyReads === true ? "on" : "off"],
        ["blocked", blockedText(settings)],
        ["block reason", settings?.blockReason ?? ""],
      ]);
    },
  );
  return "ok";
}
