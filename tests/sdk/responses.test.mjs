// OpenAI's SDK, unchanged, on /v1/responses: answered by a provider that speaks it (rsp/…), and by
// two that do not. run.sh sets the stage.
import assert from "node:assert/strict";
import test from "node:test";
import OpenAI from "openai";

const openai = new OpenAI({
  apiKey: process.env.LLMGW_KEY, baseURL: process.env.OPENAI_BASE_URL, maxRetries: 0,
});
const input = "Say something about a fox.";
const weather = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const tools = [{ type: "function", name: "weather", parameters: weather, strict: true }];

for (const model of ["rsp/sim", "oai/sim", "ant/sim"]) {
  test(`responses: whole answer from ${model}`, async () => {
    const r = await openai.responses.create({ model, input, instructions: "Be brief." });
    assert.equal(r.object, "response");
    assert.equal(r.status, "completed");
    assert.ok(r.output_text.length > 0);
    assert.equal(r.usage.total_tokens, r.usage.input_tokens + r.usage.output_tokens);
    assert.equal(typeof r.usage.input_tokens_details.cached_tokens, "number");
  });

  test(`responses: the events of ${model} add up`, async () => {
    let text = "", n = 0;
    const stream = openai.responses.stream({ model, input });
    stream.on("response.output_text.delta", (e) => { text += e.delta; });
    stream.on("event", (e) => { assert.equal(e.sequence_number, n++); });
    const r = await stream.finalResponse();
    assert.equal(r.status, "completed");
    assert.ok(text.length > 0);
    assert.equal(r.output_text, text);
    assert.ok(r.usage.output_tokens > 0);
  });

  test(`responses: a tool loop with ${model}`, async () => {
    const r = await openai.responses.create({ model, input, tools, tool_choice: "required" });
    const call = r.output.find((i) => i.type === "function_call");
    assert.equal(call.name, "weather");
    assert.equal(typeof JSON.parse(call.arguments), "object");
    const next = await openai.responses.create({
      model, tools, tool_choice: "none",
      input: [{ role: "user", content: input }, ...r.output,
        { type: "function_call_output", call_id: call.call_id, output: "rain" }],
    });
    assert.ok(next.output_text.length > 0);
  });

  test(`responses: a structured answer of ${model}`, async () => {
    const r = await openai.responses.create({
      model, input,
      text: { format: { type: "json_schema", name: "weather", schema: weather, strict: true } },
    });
    assert.equal(typeof JSON.parse(r.output_text).city, "string");
  });

  test(`responses: a cut stream of ${model} throws`, async () => {
    await assert.rejects(async () => {
      const s = await openai.responses.create({ model: `${model}:cut=3`, input, stream: true });
      for await (const e of s) assert.notEqual(e.type, "response.completed");
    }, OpenAI.APIError);
  });

  test(`responses: an error of ${model} has its class`, async () => {
    await assert.rejects(
      openai.responses.create({ model: `${model}:error=context`, input }),
      (e) => e instanceof OpenAI.BadRequestError && e.code === "context_length_exceeded");
  });
}

test("responses: what would need a stored answer is BadRequestError", async () => {
  await assert.rejects(
    openai.responses.create({ model: "rsp/sim", input, previous_response_id: "resp_1" }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === "previous_response_id");
});
