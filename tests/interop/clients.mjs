// The SDKs for Node, each with the same few calls. A call returns one line about its answer, as the
// SDK has parsed it, or throws what the SDK throws. An SDK that is not installed is left out.

import assert from 'node:assert';
import {createRequire} from 'node:module';
import {join} from 'node:path';

const require = createRequire(join(process.cwd(), 'index.js'));
const PROMPT = 'Say something, in the words of your own choice, please.';
const TOOL = {name: 'get_weather', description: 'Tells the weather.',
              schema: {type: 'object', properties: {city: {type: 'string'}}, required: ['city']}};

/** The module, or null where that version has no such SDK. */
function load(name) {
  try {
    return require(name);
  } catch (error) {
    if (error.code === 'MODULE_NOT_FOUND') return null;
    throw error;
  }
}

export function version(name) {
  return require(join(process.cwd(), 'node_modules', name, 'package.json')).version;
}

/** One line about an answer. Text, counts and ids of one answer must agree. */
function told(stop, text, tokens, ids = []) {
  const words = text.split(/\s+/).filter(Boolean).length;
  assert.ok(tokens === undefined || tokens === words, `${tokens} tokens counted, ${words} words`);
  assert.ok(new Set(ids.map((id) => id.split(/[-_]/).pop())).size <= 1, ids.join());
  return `${stop ?? 'null'}, ${words} tokens`;
}

function toldCall(stop, name, input) {
  const city = typeof input === 'string' ? JSON.parse(input).city : input.city;
  return `${stop ?? 'null'}, ${name} in ${city}`;
}

/** Reads a stream to its end. What breaks it learns how much had been read. */
async function collect(stream, take) {
  const seen = {text: '', thinking: '', stop: undefined, tokens: undefined};
  try {
    for await (const event of stream) take(seen, event);
  } catch (error) {
    error.words = seen.text.split(/\s+/).filter(Boolean).length;
    throw error;
  }
  return seen;
}

// --- Anthropic ----------------------------------------------------------------------------------

function toldMessage(message, ids = []) {
  return told(message.stop_reason, message.content[0].text, message.usage.output_tokens,
              [message.id, ...ids]);
}

function toldThinking(message) {
  const [thinking, text] = message.content;
  assert.ok(thinking.signature);
  return `${thinking.thinking.split(' ').length} thought, ` +
         told(message.stop_reason, text.text, message.usage.output_tokens - 20);
}

function takeMessageEvent(seen, event) {
  if (event.type === 'content_block_delta') seen.text += event.delta.text;
  if (event.type === 'message_delta') {
    seen.stop = event.delta.stop_reason;
    seen.tokens = event.usage?.output_tokens;
  }
}

function toldToolUse(message) {
  const block = message.content.find(({type}) => type === 'tool_use');
  return toldCall(message.stop_reason, block.name, block.input);
}

const anthropicTool = (ask) => ({
  ...ask, model: 'claude-tool',
  tools: [{name: TOOL.name, description: TOOL.description, input_schema: TOOL.schema}],
});

const anthropic = {
  listener: 'anthropic',
  open(sdk, url, options) {
    return new sdk.default({baseURL: url, apiKey: 'any', logLevel: 'off', ...options});
  },
  ask: ({model = 'claude', max_tokens = 100}) =>
    ({model, max_tokens, messages: [{role: 'user', content: PROMPT}]}),
  word: (error) => error.error?.error?.type, // nothing to parse in a page or an empty body
  calls: {
    async whole(client, ask) {
      const message = await client.messages.create(ask);
      if (typeof message === 'string') return `a string, ${message.slice(0, 8)}`;
      return toldMessage(message, [message._request_id]);
    },
    async stream(client, ask) {
      const seen = await collect(await client.messages.create({...ask, stream: true}),
                                 takeMessageEvent);
      return told(seen.stop, seen.text, seen.tokens);
    },
    async helper(client, ask) {
      return toldMessage(await client.messages.stream(ask).finalMessage());
    },
    async thinking(client, ask) {
      const wish = {...ask, max_tokens: 2000, thinking: {type: 'enabled', budget_tokens: 1024}};
      return toldThinking(await client.messages.create(wish));
    },
    async thinking_stream(client, ask) {
      const wish = {...ask, max_tokens: 2000, thinking: {type: 'enabled', budget_tokens: 1024}};
      return toldThinking(await client.messages.stream(wish).finalMessage());
    },
    async tool(client, ask) {
      return toldToolUse(await client.messages.create(anthropicTool(ask)));
    },
    async tool_stream(client, ask) {
      return toldToolUse(await client.messages.stream(anthropicTool(ask)).finalMessage());
    },
    async count(client, {model, messages}) {
      return `${(await client.messages.countTokens({model, messages})).input_tokens} tokens`;
    },
    async models(client) {
      const names = [];
      for await (const model of client.models.list()) names.push(model.id);
      return names.join(' ');
    },
    async model_card(client) {
      return (await client.models.retrieve('claude')).id;
    },
  },
};

// --- OpenAI -------------------------------------------------------------------------------------

const openOpenAI = (sdk, url, options) =>
  new sdk.default({baseURL: url, apiKey: 'any', logLevel: 'off', ...options});

function toldCompletion(completion, ids = []) {
  const [choice] = completion.choices;
  return told(choice.finish_reason, choice.message.content, completion.usage.completion_tokens,
              [completion.id, ...ids]);
}

function takeChunk(seen, chunk) {
  for (const choice of chunk.choices) {
    seen.text += choice.delta.content ?? '';
    seen.stop = choice.finish_reason;
  }
  seen.tokens = chunk.usage?.completion_tokens;
}

const chatTool = (ask) => ({
  ...ask, model: 'gpt-tool',
  tools: [{type: 'function', function: {name: TOOL.name, parameters: TOOL.schema}}],
});

function toldChatCall(completion) {
  const [choice] = completion.choices;
  const {name, arguments: input} = choice.message.tool_calls[0].function;
  return toldCall(choice.finish_reason, name, input);
}

const openai = {
  listener: 'openai',
  open: openOpenAI,
  ask: ({model = 'gpt', max_tokens = 100}) =>
    ({model, max_tokens, messages: [{role: 'user', content: PROMPT}]}),
  word: (error) => error.code,
  calls: {
    async whole(client, ask) {
      const completion = await client.chat.completions.create(ask);
      if (typeof completion === 'string') return `a string, ${completion.slice(0, 8)}`;
      return toldCompletion(completion, [completion._request_id]);
    },
    async stream(client, ask) {
      const wish = {...ask, stream: true, stream_options: {include_usage: true}};
      const seen = await collect(await client.chat.completions.create(wish), takeChunk);
      return told(seen.stop, seen.text, seen.tokens);
    },
    async helper(client, ask) {
      const wish = {...ask, stream_options: {include_usage: true}};
      return toldCompletion(await client.chat.completions.stream(wish).finalChatCompletion());
    },
    async tool(client, ask) {
      return toldChatCall(await client.chat.completions.create(chatTool(ask)));
    },
    async tool_stream(client, ask) {
      return toldChatCall(await client.chat.completions.stream(chatTool(ask)).finalChatCompletion());
    },
    async models(client) {
      const names = [];
      for await (const model of client.models.list()) names.push(model.id);
      return names.join(' ');
    },
    async model_card(client) {
      return (await client.models.retrieve('gpt')).id;
    },
    async embed(client) {
      const {data, usage} = await client.embeddings.create(
        {model: 'gpt', input: ['one', 'two'], dimensions: 8});
      const length = Math.hypot(...data[1].embedding);
      assert.ok(Math.abs(length - 1) < 1e-6, `length ${length}`);
      return `${data.length} of ${data[0].embedding.length}, ${usage.prompt_tokens} tokens`;
    },
  },
};

/** Azure's path, which names the model, and its key header. */
const azure = {
  ...openai,
  open(sdk, url, options) {
    return new sdk.AzureOpenAI({endpoint: new URL(url).origin, apiKey: 'any', logLevel: 'off',
                                apiVersion: '2024-10-21', deployment: 'gpt', ...options});
  },
  calls: {whole: openai.calls.whole, stream: openai.calls.stream},
};

function toldResponse(response, ids = []) {
  return told(response.status, response.output_text, response.usage.output_tokens,
              [response.id, ...ids]);
}

function takeResponseEvent(seen, event) {
  if (event.type === 'response.output_text.delta') seen.text += event.delta;
  if (event.type === 'error') seen.stop = `error ${event.code}`;
  if (event.response && event.type !== 'response.created' && event.type !== 'response.in_progress') {
    seen.stop = event.response.status;
    seen.tokens = event.response.usage?.output_tokens;
  }
}

const responsesTool = (ask) => ({
  ...ask, model: 'gpt-tool',
  tools: [{type: 'function', name: TOOL.name, parameters: TOOL.schema, strict: false}],
});

function toldResponseCall(response) {
  const call = response.output.find((item) => item.type === 'function_call');
  return toldCall(response.status, call.name, call.arguments);
}

function toldReasoning(response) {
  const [reasoning] = response.output;
  return `${reasoning.summary[0].text.split(' ').length} thought, ` +
         told(response.status, response.output_text, response.usage.output_tokens - 20);
}

const responses = {
  listener: 'openai',
  open: openOpenAI,
  ask: ({model = 'gpt', max_tokens = 100}) =>
    ({model, max_output_tokens: max_tokens, input: PROMPT}),
  word: (error) => error.code,
  calls: {
    async whole(client, ask) {
      const response = await client.responses.create(ask);
      return toldResponse(response, [response._request_id]);
    },
    async stream(client, ask) {
      const seen = await collect(await client.responses.create({...ask, stream: true}),
                                 takeResponseEvent);
      return told(seen.stop, seen.text, seen.tokens);
    },
    async helper(client, ask) {
      return toldResponse(await client.responses.stream(ask).finalResponse());
    },
    async thinking(client, ask) {
      return toldReasoning(await client.responses.create({...ask, reasoning: {effort: 'low'}}));
    },
    async thinking_stream(client, ask) {
      const wish = {...ask, reasoning: {effort: 'low', summary: 'auto'}};
      return toldReasoning(await client.responses.stream(wish).finalResponse());
    },
    async tool(client, ask) {
      return toldResponseCall(await client.responses.create(responsesTool(ask)));
    },
    async tool_stream(client, ask) {
      return toldResponseCall(await client.responses.stream(responsesTool(ask)).finalResponse());
    },
  },
};

// --- Google -------------------------------------------------------------------------------------

function takeGeminiChunk(seen, chunk) {
  const [candidate] = chunk.candidates ?? [];
  for (const part of candidate?.content?.parts ?? [])
    seen[part.thought ? 'thinking' : 'text'] += part.text ?? '';
  seen.stop = candidate?.finishReason;
  seen.tokens = chunk.usageMetadata?.candidatesTokenCount;
}

function toldGemini(response) {
  return told(response.candidates[0].finishReason, response.text,
              response.usageMetadata.candidatesTokenCount);
}

const geminiTool = (ask) => ({
  ...ask, model: 'gemini-tool',
  config: {tools: [{functionDeclarations: [{name: TOOL.name, parametersJsonSchema: TOOL.schema}]}]},
});

const google = {
  listener: 'gemini',
  open(sdk, url, {timeout} = {}) {
    return new sdk.GoogleGenAI({apiKey: 'any', httpOptions: {baseUrl: url, timeout}});
  },
  ask: ({model = 'gemini', max_tokens = 100}) =>
    ({model, contents: PROMPT, config: {maxOutputTokens: max_tokens}}),
  calls: {
    async whole(client, ask) {
      return toldGemini(await client.models.generateContent(ask));
    },
    async hidden_thinking(client, ask) {
      const response = await client.models.generateContent({...ask, model: 'gemini-thinking'});
      return `${response.usageMetadata.thoughtsTokenCount} thought, ${toldGemini(response)}`;
    },
    async stream(client, ask) {
      const seen = await collect(await client.models.generateContentStream(ask), takeGeminiChunk);
      return told(seen.stop, seen.text, seen.tokens);
    },
    async thinking(client, ask) {
      const wish = {...ask, model: 'gemini-thinking',
                    config: {thinkingConfig: {includeThoughts: true}}};
      const {candidates: [candidate], usageMetadata: usage} =
        await client.models.generateContent(wish);
      const [thought, text] = candidate.content.parts;
      assert.ok(thought.thought && usage.thoughtsTokenCount === 20);
      return `${thought.text.split(' ').length} thought, ` +
             told(candidate.finishReason, text.text, usage.candidatesTokenCount);
    },
    async tool(client, ask) {
      const response = await client.models.generateContent(geminiTool(ask));
      const [{name, args}] = response.functionCalls;
      return toldCall(response.candidates[0].finishReason, name, args);
    },
    async tool_stream(client, ask) {
      let call, stop;
      for await (const chunk of await client.models.generateContentStream(geminiTool(ask))) {
        call = chunk.functionCalls?.[0] ?? call;
        stop = chunk.candidates[0].finishReason;
      }
      return toldCall(stop, call.name, call.args);
    },
    async count(client, {model, contents}) {
      return `${(await client.models.countTokens({model, contents})).totalTokens} tokens`;
    },
    async models(client) {
      const names = [];
      for await (const model of await client.models.list()) names.push(model.name);
      return names.join(' ');
    },
    async model_card(client) {
      return (await client.models.get({model: 'gemini'})).name;
    },
  },
};

/** The same with its retries switched on, which they are not by default. */
const retryingGoogle = {
  ...google,
  open(sdk, url) {
    const retryOptions = {attempts: 3, initialDelay: 0.1, maxDelay: 0.2};
    return new sdk.GoogleGenAI({apiKey: 'any', httpOptions: {baseUrl: url, retryOptions}});
  },
};

// --- Vercel -------------------------------------------------------------------------------------

const {generateText, streamText, tool, jsonSchema} = load('ai') ?? {};

/** Errors of a stream are parts of it; the first one counts. */
function takeVercelPart(seen, part) {
  if (part.type === 'text-delta') seen.text += part.text;
  if (part.type === 'reasoning-delta') seen.thinking += part.text;
  if (part.type === 'error') throw part.error;
  if (part.type === 'finish') {
    seen.stop = part.finishReason;
    seen.tokens = part.totalUsage.outputTokens;
  }
}

const vercelTool = (ask, model) => ({
  ...ask, model,
  tools: {[TOOL.name]: tool({description: TOOL.description, inputSchema: jsonSchema(TOOL.schema)})},
});

function vercel(listener, name, models) {
  return {
    listener,
    open(sdk, url) {
      const base = {anthropic: `${url}/v1`, openai: url, gemini: `${url}/v1beta`}[listener];
      return sdk[name]({baseURL: base, apiKey: 'any'});
    },
    ask: ({model = models, max_tokens: maxOutputTokens = 100, timeout}) =>
      ({model, prompt: PROMPT, maxOutputTokens, timeout}),
    calls: {
      async whole(provider, {model, ...ask}) {
        const {finishReason, text, usage} = await generateText({...ask, model: provider(model)});
        return told(finishReason, text, usage.outputTokens);
      },
      async stream(provider, {model, ...ask}) {
        const {fullStream} = streamText({...ask, model: provider(model), onError() {}});
        const seen = await collect(fullStream, takeVercelPart);
        return told(seen.stop, seen.text, seen.tokens);
      },
      async tool(provider, ask) {
        const wish = vercelTool(ask, provider(`${models}-tool`));
        const {finishReason, toolCalls: [call]} = await generateText(wish);
        return toldCall(finishReason, call.toolName, call.input);
      },
      async tool_stream(provider, ask) {
        const result = streamText(vercelTool(ask, provider(`${models}-tool`)));
        const [call] = await result.toolCalls;
        return toldCall(await result.finishReason, call.toolName, call.input);
      },
    },
  };
}

// ------------------------------------------------------------------------------------------------

const PACKAGES = {
  anthropic: ['@anthropic-ai/sdk', anthropic],
  openai: ['openai', openai],
  azure: ['openai', azure],
  responses: ['openai', responses],
  google: ['@google/genai', google],
  'retrying-google': ['@google/genai', retryingGoogle],
  'vercel-anthropic': ['@ai-sdk/anthropic', vercel('anthropic', 'createAnthropic', 'claude')],
  'vercel-openai': ['@ai-sdk/openai', vercel('openai', 'createOpenAI', 'gpt')],
  'vercel-google': ['@ai-sdk/google', vercel('gemini', 'createGoogleGenerativeAI', 'gemini')],
};

/** Those that are installed, by name. */
export const CLIENTS = Object.fromEntries(
  Object.entries(PACKAGES)
    .map(([name, [from, client]]) => [name, {...client, from, sdk: load(from)}])
    .filter(([, client]) => client.sdk));
