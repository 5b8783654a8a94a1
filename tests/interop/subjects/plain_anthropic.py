"""Right: Anthropic's SDK and nothing around it."""

import anthropic

client = anthropic.Anthropic()

for question in ("Why is the sky blue?", "Why is the sea salty?"):
    try:
        message = client.messages.create(
            model="claude-sonnet-4-6", max_tokens=50,
            messages=[{"role": "user", "content": question}])
        print(message.content[0].text)
    except anthropic.APIError as error:
        print(f"no answer: {error}")
