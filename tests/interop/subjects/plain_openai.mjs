// Right: OpenAI's SDK and nothing around it.

import OpenAI from 'openai';

const client = new OpenAI();

for (const question of ['What is a token?', 'What is a context window?']) {
  try {
    const answer = await client.chat.completions.create({
      model: 'gpt-4o', max_tokens: 50, messages: [{role: 'user', content: question}]});
    console.log(answer.choices[0].message.content);
  } catch (error) {
    console.log(`no answer: ${error.message}`);
  }
}
