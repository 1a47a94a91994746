// The official SDKs, unchanged, against llmgwd in front of llmgw-sim. run.sh sets the stage:
// OPENAI_BASE_URL, ANTHROPIC_BASE_URL and LLMGW_KEY; models oai/… and ant/… are routes to the
// simulator in both dialects (sim:… asks it for a fault), so each SDK is tried on its own dialect and on the crossed one.
import assert from "node:assert/strict";
import test from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";

const key = process.env.LLMGW_KEY;
const openai = new OpenAI({ apiKey: key, baseURL: process.env.OPENAI_BASE_URL, maxRetries: 0 });
const anthropic = new Anthropic({
  apiKey: key,
  baseURL: process.env.ANTHROPIC_BASE_URL,
  maxRetries: 0,
});
const ask = [{ role: "user", content: "Say something about a fox." }];
const weather = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
};

for (const model of ["oai/sim", "ant/sim"]) {
  test(`openai: whole answer from ${model}`, async () => {
    const r = await openai.chat.completions.create({ model, messages: ask });
    assert.equal(r.object, "chat.completion");
    assert.ok(r.choices[0].message.content.length > 0);
    assert.equal(r.choices[0].finish_reason, "stop");
    assert.equal(r.usage.total_tokens, r.usage.prompt_tokens + r.usage.completion_tokens);
  });

  test(`openai: stream from ${model}`, async () => {
    let text = "", finish = null, usage = null;
    const stream = await openai.chat.completions.create({
      model, messages: ask, stream: true, stream_options: { include_usage: true },
    });
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    assert.ok(text.length > 0);
    assert.equal(finish, "stop");
    assert.ok(usage.completion_tokens > 0);
  });

  test(`openai: tool call from ${model}`, async () => {
    const r = await openai.chat.completions.create({
      model, messages: ask, tool_choice: "required",
      tools: [{ type: "function", function: { name: "weather", parameters: weather } }],
    });
    const call = r.choices[0].message.tool_calls[0];
    assert.equal(call.function.name, "weather");
    assert.equal(typeof JSON.parse(call.function.arguments), "object");
    assert.equal(r.choices[0].finish_reason, "tool_calls");
    const next = await openai.chat.completions.create({
      model,
      messages: [...ask, r.choices[0].message,
        { role: "tool", tool_call_id: call.id, content: "rain" }],
      tools: [{ type: "function", function: { name: "weather", parameters: weather } }],
      tool_choice: "none",
    });
    assert.ok(next.choices[0].message.content.length > 0);
  });

  test(`anthropic: whole answer from ${model}`, async () => {
    const r = await anthropic.messages.create({ model, max_tokens: 100, messages: ask });
    assert.equal(r.type, "message");
    assert.ok(r.content.find((b) => b.type === "text").text.length > 0);
    assert.equal(r.stop_reason, "end_turn");
    assert.ok(r.usage.input_tokens > 0 && r.usage.output_tokens > 0);
  });

  test(`anthropic: tokens counted for ${model}`, async () => {
    const r = await anthropic.messages.countTokens({ model, system: "Be brief.", messages: ask });
    assert.ok(r.input_tokens > 0);
  });

  test(`anthropic: stream from ${model}`, async () => {
    const stream = anthropic.messages.stream({ model, max_tokens: 100, messages: ask });
    let deltas = "";
    stream.on("text", (t) => { deltas += t; });
    const r = await stream.finalMessage();
    assert.ok(deltas.length > 0);
    assert.equal(r.content.filter((b) => b.type === "text").map((b) => b.text).join(""), deltas);
    assert.equal(r.stop_reason, "end_turn");
    assert.ok(r.usage.output_tokens > 0);
  });

  test(`anthropic: tool call from ${model}`, async () => {
    const tools = [{ name: "weather", input_schema: weather }];
    const r = await anthropic.messages.create({
      model, max_tokens: 100, messages: ask, tools, tool_choice: { type: "any" },
    });
    const call = r.content.find((b) => b.type === "tool_use");
    assert.equal(call.name, "weather");
    assert.equal(typeof call.input, "object");
    assert.equal(r.stop_reason, "tool_use");
  });
}

test("openai: an unknown model is NotFoundError", async () => {
  await assert.rejects(openai.chat.completions.create({ model: "no-such", messages: ask }),
    (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found");
});

test("openai: a bad key is AuthenticationError", async () => {
  const other = new OpenAI({ apiKey: "wrong", baseURL: process.env.OPENAI_BASE_URL, maxRetries: 0 });
  await assert.rejects(other.chat.completions.create({ model: "oai/sim", messages: ask }),
    (e) => e instanceof OpenAI.AuthenticationError);
});

test("openai: a rate limit is RateLimitError with retry-after", async () => {
  await assert.rejects(
    openai.chat.completions.create({ model: "oai/sim:429,retry-after=60", messages: ask },
      { headers: { "x-llmgw-timeout-ms": "2000" } }),
    (e) => e instanceof OpenAI.RateLimitError && e.headers.get("retry-after") !== null);
});

test("openai: a cut stream throws and never ends well", async () => {
  await assert.rejects(async () => {
    const s = await openai.chat.completions.create({ model: "oai/sim:cut=3", messages: ask, stream: true });
    for await (const chunk of s) assert.notEqual(chunk.choices[0]?.finish_reason, "stop");
  }, OpenAI.APIError);
});

test("anthropic: a cut stream throws", async () => {
  await assert.rejects(
    anthropic.messages.stream({ model: "ant/sim:cut=3", max_tokens: 100, messages: ask }).finalMessage(),
    Anthropic.APIError);
});

/* The SDK asks for base64 by itself, and gives numbers. */
for (const model of ["oai/sim", "gem/gemini-embedding-001", "coh/embed-v4.0"]) {
  test(`openai: embeddings from ${model}`, async () => {
    const r = await openai.embeddings.create({ model, input: ["keel", "mainsail"] });
    assert.equal(r.object, "list");
    assert.deepEqual(r.data.map((d) => d.index), [0, 1]);
    assert.ok(r.data.every((d) => d.object === "embedding" && d.embedding.length === 16));
    assert.ok(r.data.every((d) => d.embedding.every((x) => x >= -1 && x <= 1)));
    assert.ok(r.usage.prompt_tokens > 0 && r.usage.total_tokens === r.usage.prompt_tokens);
    const f = await openai.embeddings.create({ model, input: "keel", encoding_format: "float" });
    assert.deepEqual(f.data[0].embedding.map(Math.fround), Array.from(r.data[0].embedding));
    const d = await openai.embeddings.create({ model, input: "keel", dimensions: 4 });
    assert.equal(d.data[0].embedding.length, 4);
  });

  test(`openai: errors of embeddings from ${model}`, async () => {
    await assert.rejects(openai.embeddings.create({ model, input: "" }), OpenAI.BadRequestError);
    await assert.rejects(
      openai.embeddings.create({ model: `${model}-sim:error=context`, input: "a" }),
      (e) => e instanceof OpenAI.BadRequestError && e.code === "context_length_exceeded");
  });
}

test("openai: tokens are embedded where they are understood", async () => {
  const r = await openai.embeddings.create({ model: "oai/sim", input: [[1, 2, 3], [4]] });
  assert.equal(r.data.length, 2);
  assert.equal(r.usage.prompt_tokens, 4);
  await assert.rejects(
    openai.embeddings.create({ model: "coh/embed-v4.0", input: [1, 2] }), OpenAI.BadRequestError);
});

test("openai: a model for chats makes no embeddings", async () => {
  await assert.rejects(openai.embeddings.create({ model: "gem/gemini-3.8-flash", input: "a" }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === "model");
});

test("openai: models are listed", async () => {
  const ids = [];
  for await (const m of await openai.models.list()) ids.push(m.id);
  assert.ok(ids.length > 0);
});

test("anthropic: models are listed", async () => {
  const page = await anthropic.models.list();
  assert.ok(page.data.length > 0 && page.data[0].type === "model");
});
