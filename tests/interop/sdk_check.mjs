// Do the providers' own SDKs for Node take the mock for the real service?
//
//     sdk_check.mjs MOCK        MOCK: the program, bin/brownout-mock
//
// Takes the SDKs from node_modules in the current folder. README.md beside this file tells how the
// table of checks is read; sdk_check.py is the same in Python.

import assert from 'node:assert';
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';

import {CLIENTS, version} from './clients.mjs';

globalThis.AI_SDK_LOG_WARNINGS = false;

const HERE = import.meta.dirname;
const AT_A_TIME = 12;
const PATIENCE_MS = 12000; // far above the longest wait of the table

function readTable(name) {
  return JSON.parse(readFileSync(join(HERE, name), 'utf8'));
}

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

/** Class, status, and the provider's word for it as the SDK has parsed it; then what was read. */
function toldError(client, error) {
  if (error instanceof assert.AssertionError) return error.message; // ours, about an answer
  const last = error.lastError ?? error;
  const status = last.status ?? last.statusCode;
  const words = [/^AI_/.test(error.name) ? error.name : error.constructor.name, status];
  if (status && client.word) {
    assert.match(error.requestID, /^req_/);
    words.push(client.word(error) ?? 'null');
  }
  if (error.words) words.push(`after ${error.words} tokens`);
  return words.filter(Boolean).join(' ');
}

async function makeCall(client, url, check) {
  const limit = check.timeout ? {timeout: check.timeout * 1000} : {};
  try {
    const opened = client.open(client.sdk, url, limit);
    return await client.calls[check.call](opened, client.ask(check));
  } catch (error) { // its class is what is checked
    return toldError(client, error);
  }
}

/** Some calls never end, having no timeout for what happens to them. */
async function makeCallPatiently(client, url, check) {
  let timer;
  const patience = check.patience ? check.patience * 1000 : PATIENCE_MS;
  const slow = new Promise((resolve) => {
    timer = setTimeout(resolve, patience, 'waits for ever');
  });
  const end = await Promise.race([makeCall(client, url, check), slow]);
  clearTimeout(timer);
  return end;
}

/** A value of the table: for all, or by client, family or language; of a list, any will do. */
function allowed(value, name) {
  const isBySomething = typeof value === 'object' && !Array.isArray(value); // undefined is not
  if (!isBySomething) return [value].flat();
  return [value[name] ?? value[name.split('-')[0]] ?? value.node].flat();
}

/** Has the client this call, and the row a word for it? */
function applies(check, name, client) {
  return (check.only ?? 'node') === 'node' && check.call in client.calls &&
         allowed(check.ends, name)[0] !== undefined;
}

/** Seconds from the first answer to the second request. */
function waited(journal) {
  return (journal[1].head_in_at - journal[0].first_out_at) / 1e9;
}

/** What is wrong, as a list of lines. */
async function run(program, name, check) {
  const client = CLIENTS[name];
  const mock = await startMock(program, check.fault);
  const end = await makeCallPatiently(client, mock.urls[client.listener], check);
  const journal = await stopMock(mock);
  const ends = allowed(check.ends, name);
  const attempts = allowed(check.attempts ?? 1, name);
  const [waits] = allowed(check.waits, name);
  const wrong = [];
  if (!ends.includes(end)) wrong.push(`ended as ${end}, expected ${ends.join(' or ')}`);
  if (!attempts.includes(journal.length))
    wrong.push(`${journal.length} attempts, expected ${attempts.join(' or ')}`);
  else if (waits && journal.length > 1 && waited(journal) < waits)
    wrong.push(`waited ${waited(journal)} s, expected ${waits} s or more`);
  return wrong;
}

const checks = readTable('checks.json').flatMap((check) =>
  Object.entries(CLIENTS)
    .filter(([name, client]) => applies(check, name, client))
    .map(([name]) => ({name, check})));
const results = [];
async function work() {
  for (let item = checks.shift(); item; item = checks.shift())
    results.push({...item, wrong: await run(process.argv[2], item.name, item.check)
                            .catch((error) => [`could not be played: ${error.message}`])});
}

const versions = new Set(Object.values(CLIENTS).map(({from}) => `${from} ${version(from)}`));
console.log(`node: ${[...versions].join(', ')}`);
await Promise.all(Array.from({length: AT_A_TIME}, work));
for (const {name, check, wrong} of results)
  for (const line of wrong) console.log(`  ${name}, ${check.check}: ${line}`);
const failed = results.filter(({wrong}) => wrong.length > 0).length;
console.log(`${results.length - failed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
