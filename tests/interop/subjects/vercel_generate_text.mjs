// Right: Vercel's generateText, which retries by itself. What it sends does not say which attempt
// it is, so the call has a trace id, as a traced application gives it.

import {randomBytes} from 'node:crypto';

import {openai} from '@ai-sdk/openai';
import {generateText} from 'ai';

for (const prompt of ['What is an edge?', 'What is a function?']) {
  const traceparent = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
  try {
    const {text} = await generateText(
        {model: openai.chat('gpt-4o'), maxOutputTokens: 50, prompt, headers: {traceparent}});
    console.log(text);
  } catch (error) {
    console.log(`no answer: ${error.message}`);
  }
}
