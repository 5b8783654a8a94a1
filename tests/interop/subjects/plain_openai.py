"""Right: OpenAI's SDK and nothing around it."""

import openai

client = openai.OpenAI()

for question in ("What is a token?", "What is a context window?"):
    try:
        answer = client.chat.completions.create(
            model="gpt-4o", max_tokens=50, messages=[{"role": "user", "content": question}])
        print(answer.choices[0].message.content)
    except openai.APIError as error:
        print(f"no answer: {error}")
