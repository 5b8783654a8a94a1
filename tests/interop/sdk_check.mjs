// Do Anthropic's and OpenAI's own Node SDKs take the mock for the real service?
//
//     sdk_check.mjs MOCK        MOCK: the program, bin/brownout-mock
//
// Takes the SDKs from node_modules in the current folder. README.md beside this file tells how the
// table of checks is read; sdk_check.py is the same in Python.

import assert from 'node:assert';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';

const require = createRequire(join(process.cwd(), 'index.js'));
const Anthropic = require('@anthropic-ai/sdk').default;
const OpenAI = require('openai').default;

const HERE = import.meta.dirname;
const PROMPT = [{role: 'user', content: 'Say something, in the words of your own choice, please.'}];
const CLIENTS = {anthropic: Anthropic, openai: OpenAI};
const MODELS = {anthropic: 'claude', openai: 'gpt'};
const AT_A_TIME = 8;
const PATIENCE_MS = 6000; // far above the longest wait of the table

/** A mock of its own for each check, so that the journal holds this check alone. */
async function startMock(program, fault) {
  const scenario = readTable('scenario.json');
  if (fault) scenario.chaos = [{phase: 'fault', fault}];
  const folder = mkdtempSync(join(tmpdir(), 'interop-'));
  const journal = join(folder, 'journal.jsonl');
  const child = spawn(program, ['--scenario', '-', '--journal', journal],
                      {stdio: ['pipe', 'pipe', 'inherit']});
  child.stdin.end(JSON.stringify(scenario));
  const urls = {};
  for await (const line of createInterface({input: child.stdout})) {
    const [name, url] = line.split(' ');
    urls[name] = url;
    if (name === 'admin') break;
  }
  return {child, folder, journal, urls};
}

/** Ends it and tells what it saw: its journal without the closing line. */
async function stopMock(mock) {
  mock.child.kill();
  await once(mock.child, 'exit');
  const lines = readFileSync(mock.journal, 'utf8').trim().split('\n');
  rmSync(mock.folder, {recursive: true});
  return lines.slice(0, -1).map((line) => JSON.parse(line));
}

function readTable(name) {
  return JSON.parse(readFileSync(join(HERE, name), 'utf8'));
}

/** One line about an answer. Text, counts and ids of one answer must agree. */
function told(stop, text, tokens, ids = []) {
  const words = text.split(/\s+/).filter(Boolean).length;
  assert.ok(tokens === undefined || tokens === words, `${tokens} tokens counted, ${words} words`);
  assert.ok(new Set(ids.map((id) => id.split(/[-_]/).pop())).size <= 1, ids.join());
  return `${stop ?? 'null'}, ${words} tokens`;
}

function toldMessage(message, ids = []) {
  return told(message.stop_reason, message.content[0].text, message.usage.output_tokens,
              [message.id, ...ids]);
}

function toldCompletion(completion, ids = []) {
  const [choice] = completion.choices;
  return told(choice.finish_reason, choice.message.content, completion.usage.completion_tokens,
              [completion.id, ...ids]);
}

const CALLS = {
  anthropic: {
    async whole(client, ask) {
      const message = await client.messages.create(ask);
      return toldMessage(message, [message._request_id]);
    },
    async stream(client, ask) {
      let text = '', stop, tokens;
      for await (const event of await client.messages.create({...ask, stream: true})) {
        if (event.type === 'content_block_delta') text += event.delta.text;
        if (event.type === 'message_delta') {
          stop = event.delta.stop_reason;
          tokens = event.usage.output_tokens;
        }
      }
      return told(stop, text, tokens);
    },
    async helper(client, ask) {
      return toldMessage(await client.messages.stream(ask).finalMessage());
    },
  },
  openai: {
    async whole(client, ask) {
      const completion = await client.chat.completions.create(ask);
      return toldCompletion(completion, [completion._request_id]);
    },
    async stream(client, ask) {
      let text = '', stop, tokens;
      const wish = {...ask, stream: true, stream_options: {include_usage: true}};
      for await (const chunk of await client.chat.completions.create(wish)) {
        for (const choice of chunk.choices) {
          text += choice.delta.content ?? '';
          stop = choice.finish_reason;
        }
        tokens = chunk.usage?.completion_tokens;
      }
      return told(stop, text, tokens);
    },
    async helper(client, ask) {
      const wish = {...ask, stream_options: {include_usage: true}};
      return toldCompletion(await client.chat.completions.stream(wish).finalChatCompletion());
    },
  },
};

/** Class, status, and the provider's word for it as the SDK has parsed it. */
function toldError(provider, error) {
  const name = error.constructor.name;
  if (error instanceof assert.AssertionError) return error.message; // ours, about an answer
  if (!error.status) return name;
  assert.match(error.requestID, /^req_/);
  const word = provider === 'anthropic' ? error.error.error.type : error.code;
  return `${name} ${error.status} ${word ?? 'null'}`;
}

async function makeCall(provider, url, check) {
  const limit = check.timeout ? {timeout: check.timeout * 1000} : {};
  const client = new CLIENTS[provider]({baseURL: url, apiKey: 'any', ...limit});
  const ask = {model: check.model ?? MODELS[provider], messages: PROMPT,
               max_tokens: check.max_tokens ?? 100};
  try {
    return await CALLS[provider][check.call](client, ask);
  } catch (error) { // its class is what is checked
    return toldError(provider, error);
  }
}

/** Some calls never end, having no timeout for what happens to them. */
async function makeCallPatiently(provider, url, check) {
  const slow = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, 'waits for ever'));
  return Promise.race([makeCall(provider, url, check), slow]);
}

/** A value of the table: for all, by provider or by language; of a list, any will do. */
function allowed(value, provider) {
  const isBySomething = typeof value === 'object' && !Array.isArray(value);
  return [isBySomething ? value[provider] ?? value.node : value].flat();
}

/** Seconds from the first answer to the second request. */
function waited(journal) {
  return (journal[1].head_in_at - journal[0].first_out_at) / 1e9;
}

/** What is wrong, as a list of lines. */
async function run(program, provider, check) {
  const mock = await startMock(program, check.fault);
  const end = await makeCallPatiently(provider, mock.urls[provider], check);
  const journal = await stopMock(mock);
  const ends = allowed(check.ends, provider);
  const attempts = allowed(check.attempts ?? 1, provider);
  const wrong = [];
  if (!ends.includes(end)) wrong.push(`ended as ${end}, expected ${ends.join(' or ')}`);
  if (!attempts.includes(journal.length))
    wrong.push(`${journal.length} attempts, expected ${attempts.join(' or ')}`);
  else if (check.waits && waited(journal) < check.waits)
    wrong.push(`waited ${waited(journal)} s, expected ${check.waits} s or more`);
  return wrong;
}

function version(name) {
  return JSON.parse(readFileSync(join(process.cwd(), 'node_modules', name, 'package.json'))).version;
}

const checks = readTable('checks.json').flatMap(
  (check) => Object.keys(CLIENTS).map((provider) => ({provider, check})));
const results = [];
async function work() {
  for (let item = checks.shift(); item; item = checks.shift())
    results.push({...item, wrong: await run(process.argv[2], item.provider, item.check)});
}

console.log(`node: anthropic ${version('@anthropic-ai/sdk')}, openai ${version('openai')}`);
await Promise.all(Array.from({length: AT_A_TIME}, work));
for (const {provider, check, wrong} of results)
  for (const line of wrong) console.log(`  ${provider}, ${check.check}: ${line}`);
const failed = results.filter(({wrong}) => wrong.length > 0).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
