// Verdicts for pipes, as `llm-triage classify --jsonl` gives them but for waits: node main.mjs rules.json < answers.jsonl

import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

import { reader } from "./classify.mjs";

const classify = reader(JSON.parse(readFileSync(process.argv[2], "utf8")));
for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const { id = null, ...answer } = JSON.parse(line);
  console.log(JSON.stringify({ id, ...(classify(answer) ?? { class: "ok", retry: false, action: "keep" }) }));
}
