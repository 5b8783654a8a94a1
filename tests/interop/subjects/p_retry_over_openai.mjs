// Wrong: p-retry's first try and three more, around an SDK that itself tries three times.

import OpenAI from 'openai';
import pRetry from 'p-retry';

const client = new OpenAI();

async function ask(question) {
  const messages = [{role: 'user', content: question}];
  const answer = await pRetry(
      () => client.chat.completions.create({model: 'gpt-4o', max_tokens: 50, messages}),
      {retries: 3, minTimeout: 100, randomize: true});
  return answer.choices[0].message.content;
}

for (const question of ['What is a promise?', 'What is a callback?']) {
  console.log(await ask(question).catch((error) => `no answer: ${error.message}`));
}
