"""Wrong: LangChain's with_retry around a model that has retries of its own."""

import openai
from langchain_openai import ChatOpenAI

chain = ChatOpenAI(model="gpt-4o", max_tokens=50).with_retry(
    stop_after_attempt=3, exponential_jitter_params={"initial": 0.1, "max": 0.5, "jitter": 0.1})

for question in ("What is a chain?", "What is a link?"):
    try:
        print(chain.invoke(question).content)
    except openai.APIError as error:
        print(f"no answer: {error}")
