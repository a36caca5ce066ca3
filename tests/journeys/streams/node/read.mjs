// What the official JavaScript clients make of streams: reads jobs from stdin ({client, url}, as a JSON array), writes
// what each came to: {told: [...], error: what the client raised, with the members that it hands out, or null}.
import Anthropic from "@anthropic-ai/sdk";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { streamText } from "ai";
import OpenAI from "openai";

globalThis.AI_SDK_LOG_WARNINGS = false; // it writes them to stdout
const ASKED = [{ role: "user", content: "Good day?" }];

async function* openaiChat(url) {
  const client = new OpenAI({ baseURL: url, apiKey: "k", maxRetries: 0 });
  for await (const part of await client.chat.completions.create({ model: "m", messages: ASKED, stream: true }))
    if (part.choices.length) yield [part.choices[0].delta.content ?? "", part.choices[0].finish_reason];
}

async function* openaiResponses(url) {
  const client = new OpenAI({ baseURL: url, apiKey: "k", maxRetries: 0 });
  for await (const event of await client.responses.create({ model: "m", input: "Good day?", stream: true })) yield event.type;
}

async function* anthropicRaw(url) {
  const client = new Anthropic({ baseURL: url, apiKey: "k", maxRetries: 0 });
  const stream = await client.messages.create({ model: "m", max_tokens: 64, messages: ASKED, stream: true });
  for await (const event of stream) if (event.type !== "message_stop") yield event.type;
}

async function* vercel(model) {
  const { fullStream } = streamText({ model, messages: ASKED, maxRetries: 0, onError: () => {} });
  for await (const part of fullStream) {
    if (part.type === "error") throw part.error;
    if (part.type === "text-delta") yield part.text;
    if (part.type === "finish") yield part.finishReason;
  }
}

const CLIENTS = {
  "openai chat": openaiChat,
  "openai responses": openaiResponses,
  "anthropic": anthropicRaw,
  "ai chat": (url) => vercel(createOpenAI({ baseURL: url, apiKey: "k" }).chat("m")),
  "ai responses": (url) => vercel(createOpenAI({ baseURL: url, apiKey: "k" }).responses("m")),
  "ai anthropic": (url) => vercel(createAnthropic({ baseURL: `${url}/v1`, apiKey: "k" })("m")),
};

function membersOf(error) {
  const headers = error.headers ?? error.responseHeaders;
  const header = (name) => headers?.get?.(name) ?? headers?.[name];
  return {
    name: error?.constructor?.name ?? typeof error,
    message: String(error?.message ?? JSON.stringify(error)),
    status: error?.status ?? error?.statusCode ?? null,
    tag: header("x-llm-error-class") ?? null,
    seen: JSON.stringify([error, error?.error, error?.data, error?.cause, error?.value]) ?? "",
  };
}

async function read({ client, url }) {
  const told = [];
  try {
    for await (const item of CLIENTS[client](url)) told.push(item);
    return { told, error: null };
  } catch (error) {
    return { told, error: membersOf(error) };
  }
}

let text = "";
for await (const piece of process.stdin) text += piece;
const jobs = JSON.parse(text);
const answers = new Array(jobs.length);
let next = 0;
await Promise.all(
  Array.from({ length: 6 }, async () => {
    while (next < jobs.length) {
      const at = next++;
      answers[at] = await read(jobs[at]);
    }
  }),
);
process.stdout.write(JSON.stringify(answers));
