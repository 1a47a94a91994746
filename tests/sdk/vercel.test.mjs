// Vercel's AI SDK, unchanged: its OpenAI-compatible and Anthropic providers against llmgwd, with
// models of three dialects behind it. Google's SDK against llmgw-sim itself: it speaks Gemini,
// which llmgwd takes from providers only, so it shows that the fake provider is a true one.
import assert from "node:assert/strict";
import test from "node:test";
import { GoogleGenAI } from "@google/genai";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { APICallError, embed, embedMany, generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const key = process.env.LLMGW_KEY;
const prompt = "Say something about a fox.";
const openai = createOpenAICompatible({
  name: "llmgw", apiKey: key, baseURL: process.env.OPENAI_BASE_URL, includeUsage: true,
  supportsStructuredOutputs: true,
});
const anthropic = createAnthropic({
  apiKey: key, baseURL: `${process.env.ANTHROPIC_BASE_URL}/v1`,
});
const weather = tool({
  description: "the weather of a city",
  inputSchema: z.object({ city: z.string() }),
  execute: async () => "rain",
});

for (const [client, provider] of [["openai", openai], ["anthropic", anthropic]]) {
  for (const name of ["oai/sim", "ant/sim", "gem/sim"]) {
    const model = provider(name);

    test(`vercel ${client}: whole answer from ${name}`, async () => {
      const r = await generateText({ model, prompt, maxRetries: 0 });
      assert.ok(r.text.length > 0);
      assert.equal(r.finishReason, "stop");
      assert.ok(r.usage.inputTokens > 0 && r.usage.outputTokens > 0);
    });

    test(`vercel ${client}: stream from ${name}`, async () => {
      const r = streamText({ model, prompt, maxRetries: 0 });
      let text = "";
      for await (const delta of r.textStream) text += delta;
      assert.ok(text.length > 0);
      assert.equal(await r.finishReason, "stop");
      assert.ok((await r.usage).outputTokens > 0);
    });

    test(`vercel ${client}: a tool is called and its result sent from ${name}`, async () => {
      const r = await generateText({
        model, prompt, maxRetries: 0, tools: { weather }, stopWhen: stepCountIs(2),
        prepareStep: ({ stepNumber }) =>
          ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
      });
      assert.equal(r.steps[0].finishReason, "tool-calls");
      assert.equal(r.steps[0].toolCalls[0].toolName, "weather");
      assert.equal(r.steps.length, 2);
      assert.ok(r.text.length > 0);
    });
  }

  test(`vercel ${client}: a cut stream is an error`, async () => {
    const errors = [];
    const r = streamText({
      model: provider("oai/sim:cut=3"), prompt, maxRetries: 0,
      onError: ({ error }) => errors.push(error),
    });
    for await (const delta of r.textStream) assert.equal(typeof delta, "string");
    assert.ok(errors.length > 0);
  });

  test(`vercel ${client}: an unknown model is a 404 that is not retried`, async () => {
    await assert.rejects(generateText({ model: provider("no-such"), prompt, maxRetries: 0 }),
      (e) => APICallError.isInstance(e) && e.statusCode === 404 && !e.isRetryable);
  });
}

test("vercel openai: an object by its schema", async () => {
  const r = await generateObject({
    model: openai("oai/sim"), prompt, maxRetries: 0, schema: z.object({ city: z.string() }),
  });
  assert.equal(typeof r.object.city, "string");
});

const google = new GoogleGenAI({
  apiKey: "sk-sim", httpOptions: { baseUrl: process.env.GEMINI_BASE_URL },
});

test("google: whole answer of llmgw-sim", async () => {
  const r = await google.models.generateContent({ model: "sim", contents: prompt });
  assert.ok(r.text.length > 0);
  assert.equal(r.candidates[0].finishReason, "STOP");
  assert.ok(r.usageMetadata.totalTokenCount > 0);
});

test("google: stream of llmgw-sim", async () => {
  let text = "", last;
  for await (const chunk of await google.models.generateContentStream({
    model: "sim", contents: prompt,
  })) {
    text += chunk.text ?? "";
    last = chunk;
  }
  assert.ok(text.length > 0);
  assert.equal(last.candidates[0].finishReason, "STOP");
});

test("google: a tool call of llmgw-sim", async () => {
  const r = await google.models.generateContent({
    model: "sim", contents: prompt,
    config: {
      tools: [{ functionDeclarations: [{
        name: "weather",
        parametersJsonSchema: {
          type: "object", properties: { city: { type: "string" } }, required: ["city"],
        },
      }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY" } },
    },
  });
  assert.equal(r.functionCalls[0].name, "weather");
});

test("google: an error of llmgw-sim", async () => {
  await assert.rejects(google.models.generateContent({ model: "sim:status=400", contents: prompt }),
    (e) => e.status === 400);
});

test("google: embeddings of llmgw-sim", async () => {
  const r = await google.models.embedContent({
    model: "gemini-embedding-001", contents: ["keel", "mainsail"],
    config: { outputDimensionality: 4, taskType: "RETRIEVAL_QUERY" },
  });
  assert.deepEqual(r.embeddings.map((e) => e.values.length), [4, 4]);
});

for (const name of ["oai/sim", "gem/gemini-embedding-001", "coh/embed-v4.0"]) {
  test(`vercel openai: embeddings from ${name}`, async () => {
    const model = openai.textEmbeddingModel(name);
    const one = await embed({ model, value: "keel", maxRetries: 0 });
    assert.equal(one.embedding.length, 16);
    assert.ok(one.usage.tokens > 0);
    const many = await embedMany({ model, values: ["keel", "mainsail"], maxRetries: 0 });
    assert.deepEqual(many.embeddings[0], one.embedding);
    assert.equal(many.embeddings.length, 2);
  });
}
