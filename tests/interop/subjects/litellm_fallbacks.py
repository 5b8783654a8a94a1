"""Right: litellm as a library. Where Claude is overloaded the call goes to GPT, and a question that
Claude refuses goes to nobody."""

import secrets

import litellm

litellm.suppress_debug_info = True


def ask(question):
    trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
    return litellm.completion(
        model="anthropic/claude-sonnet-4-6", fallbacks=["openai/gpt-4o"], max_tokens=50,
        messages=[{"role": "user", "content": question}], extra_headers={"traceparent": trace})


for question in ("What is a proxy?", "What is a router?"):
    try:
        print(ask(question).choices[0].message.content)
    except litellm.exceptions.APIError as error:
        print(f"no answer: {error}")
