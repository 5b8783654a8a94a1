// A live-target run against @copilotkit/aimock, a server nobody here wrote: both formats, whole and
// streamed. Usage: node aimock_check.mjs BROWNOUT FOLDER (that holds node_modules)

import {spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, readFileSync, readdirSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const [brownout, folder] = process.argv.slice(2);
const key = 'sk-aimock-0123456789abcdef';

// steady:3 a 529 and steady:5 a 429 at first, steady:11 a 401 for ever; steady:7 a stream that is
// cut at first, which a whole answer cannot be there.
const checks = [
  {model: 'claude-sonnet-4-5', stream: false, attempts: 22},
  {model: 'claude-sonnet-4-5', stream: true, attempts: 23},
  {model: 'gpt-4o', stream: false, attempts: 22},
  {model: 'gpt-4o', stream: true, attempts: 23},
];
const calls = {
  'steady:0': 'ok', 'steady:3': 'overloaded ok', 'steady:5': 'rate_limited ok',
  'steady:11': 'auth',
};

// Resolves to its base URL once it says where it listens.
function start() {
  const server = spawn(join(folder, 'node_modules/.bin/llmock'),
    ['--port', '0', '--fixtures', join(here, 'aimock_fixtures.json')], {stdio: ['ignore', 'pipe', 'inherit']});
  const base = new Promise((resolve, reject) => {
    let said = '';
    server.stdout.on('data', piece => {
      said += piece;
      const found = said.match(/listening on (http:\/\/\S+)/);
      if (found) resolve(found[1]);
    });
    server.on('exit', code => reject(new Error(`aimock ended with ${code}`)));
  });
  return {server, base};
}

function play(check, base) {
  const results = mkdtempSync(join(tmpdir(), 'brownout-aimock-'));
  const run = spawnSync(brownout, ['run', join(here, 'aimock.jsonc'), '--json', '--out', results,
    `--set=/target/providers/anthropic/base_url=${base}`,
    `--set=/target/providers/openai/base_url=${base}/v1`,
    `--set=/load/requests/0/model=${check.model}`,
    `--set=/load/requests/0/stream=${check.stream}`], {encoding: 'utf8', env: {...process.env, AIMOCK_KEY: key}});
  const made = readdirSync(results).map(name => join(results, name));
  const read = name => readFileSync(join(made[0], name), 'utf8');
  const lines = name => read(name).split('\n').filter(line => line).map(line => JSON.parse(line))
    .filter(line => line.call); // the others are checkpoints
  const seen = {run, json: run.stdout && JSON.parse(run.stdout), calls: lines('calls.jsonl'), attempts: lines('attempts.jsonl'),
    all: readdirSync(made[0]).map(read).join('')};
  rmSync(results, {recursive: true});
  return seen;
}

// What differs from what was expected, a sentence each.
function compare(check, seen) {
  const wrong = [];
  const expect = (what, is, should) => {
    if (is !== should) wrong.push(`${what}: got ${is}, expected ${should}`);
  };
  const ways = id => seen.attempts.filter(a => a.call === id).map(a => a.outcome).join(' ');
  const good = seen.calls.filter(c => c.outcome === 'ok');
  const laws = Object.fromEntries(seen.json.laws.map(law => [law.name, law.verdict]));

  expect('exit code', seen.run.status, 0);
  expect('calls', seen.calls.length, 20);
  expect('attempts', seen.attempts.length, check.attempts);
  for (const [id, way] of Object.entries(calls)) expect(id, ways(id), way);
  expect('steady:7', ways('steady:7'), check.stream ? 'truncated ok' : 'ok');
  expect('useful', good.length, 19);
  expect('counted as billed', good.every(c => c.call === 'steady:7' || (c.input_tokens === 60 && c.output_tokens === 8)), true);
  expect('priced', good.every(c => c.cost_usd > 0 || c.call === 'steady:7'), true);
  expect('one-outcome', laws['one-outcome'], 'pass');
  expect('attempts-bounded', laws['attempts-bounded'], 'pass');
  expect('complete-answers', laws['complete-answers'], 'n/a');
  expect('the key in results', (seen.all + seen.run.stderr).includes(key), false);
  return wrong;
}

let failed = 0;
for (const check of checks) {
  const {server, base} = start();
  const wrong = compare(check, play(check, await base));

  server.removeAllListeners('exit');
  server.kill();
  for (const sentence of wrong) console.log(`aimock ${check.model} ${check.stream ? 'streamed' : 'whole'}: ${sentence}`);
  failed += wrong.length > 0;
}
console.log(`aimock: ${checks.length - failed} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
