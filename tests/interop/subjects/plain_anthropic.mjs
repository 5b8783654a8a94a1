// Right: Anthropic's SDK and nothing around it.

import Anthropic from '@anthropic-ai/sdk';

const client = new Anthropic();

for (const question of ['Why is the sky blue?', 'Why is the sea salty?']) {
  try {
    const message = await client.messages.create({
      model: 'claude-sonnet-4-6', max_tokens: 50, messages: [{role: 'user', content: question}]});
    console.log(message.content[0].text);
  } catch (error) {
    console.log(`no answer: ${error.message}`);
  }
}
