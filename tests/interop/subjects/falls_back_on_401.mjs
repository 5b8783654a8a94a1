// Wrong: any error sends the call to the other provider. A revoked key is hidden for weeks, at the
// other one's price.

import {randomBytes} from 'node:crypto';

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';

const openai = new OpenAI();
const anthropic = new Anthropic();

async function ask(question) {
  const traceparent = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
  const options = {headers: {traceparent}};
  const messages = [{role: 'user', content: question}];
  try {
    const answer = await openai.chat.completions.create({model: 'gpt-4o', max_tokens: 50, messages},
                                                        options);
    return answer.choices[0].message.content;
  } catch {
    const answer = await anthropic.messages.create(
        {model: 'claude-sonnet-4-6', max_tokens: 50, messages}, options);
    return answer.content[0].text;
  }
}

for (const question of ['What is a lock?', 'What is a key?']) console.log(await ask(question));
