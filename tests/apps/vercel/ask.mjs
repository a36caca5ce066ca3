// The Vercel AI SDK, in both dialects. It goes by the status alone, so that `compat: {budget_status: 402}` is what stops it.
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, RetryError, streamText } from "ai";

const url = process.argv[2];
const vendors = {
  openai: createOpenAI({ baseURL: `${url}/v1`, apiKey: "sk-of-nobody" }).chat,
  anthropic: createAnthropic({ baseURL: `${url}/v1`, apiKey: "sk-of-nobody" }),
};

async function tell(name, call) {
  const seen = { case: name, text: "", error: "", class: "" };
  try {
    seen.text = await call();
  } catch (error) {
    const failed = RetryError.isInstance(error) ? error.lastError : error;
    seen.error = failed?.name ?? failed?.type ?? "Error";
    seen.class = APICallError.isInstance(failed) ? (failed.responseHeaders?.["x-llm-error-class"] ?? "") : "";
    seen.message = String(failed?.message ?? JSON.stringify(failed)).slice(0, 400);
  }
  console.log(JSON.stringify(seen));
}

for (const [vendor, of] of Object.entries(vendors)) {
  for (const model of ["good", "fail-budget", "fail-context"]) {
    await tell(`${vendor} ${model}`, async () => (await generateText({ model: of(model), prompt: "Good day?" })).text);
  }
  for (const model of ["good", "fail-midstream"]) {
    await tell(`${vendor} ${model} streamed`, async () => {
      let text = "";
      for await (const part of streamText({ model: of(model), prompt: "Good day?", onError() {} }).fullStream) {
        if (part.type === "error") throw part.error;
        if (part.type === "text-delta") text += part.text;
      }
      return text;
    });
  }
}
