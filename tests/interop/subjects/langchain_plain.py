"""Right: LangChain's model of Anthropic, with the retries that it has by itself."""

import anthropic
from langchain_anthropic import ChatAnthropic

model = ChatAnthropic(model="claude-sonnet-4-6", max_tokens=50)

for question in ("What is a chain?", "What is a link?"):
    try:
        print(model.invoke(question).content)
    except anthropic.APIError as error:
        print(f"no answer: {error}")
