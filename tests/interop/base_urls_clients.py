"""Clients for Python, each asked one thing with nothing set but its environment. The name of the
function is the name in base_urls.json; the program prints nothing that anybody reads."""

import asyncio
import sys

PROMPT = "Say something, in the words of your own choice, please."
MESSAGES = [{"role": "user", "content": PROMPT}]
CLAUDE, GPT, GEMINI = "claude-sonnet-4-5", "gpt-4o", "gemini-2.5-flash"


def anthropic():
    import anthropic

    anthropic.Anthropic().messages.create(model=CLAUDE, max_tokens=20, messages=MESSAGES)


def openai_chat():
    import openai

    openai.OpenAI().chat.completions.create(model=GPT, messages=MESSAGES)


def openai_responses():
    import openai

    openai.OpenAI().responses.create(model=GPT, input=PROMPT)


def openai_module():
    import openai

    openai.chat.completions.create(model=GPT, messages=MESSAGES)


def openai_azure():
    import openai

    openai.AzureOpenAI().chat.completions.create(model=GPT, messages=MESSAGES)


def google_genai():
    from google import genai

    client = genai.Client()  # kept: it closes with its last reference
    client.models.generate_content(model=GEMINI, contents=PROMPT)


def litellm_anthropic():
    import litellm

    litellm.completion(model=f"anthropic/{CLAUDE}", max_tokens=20, messages=MESSAGES)


def litellm_openai():
    import litellm

    litellm.completion(model=f"openai/{GPT}", messages=MESSAGES)


def litellm_azure():
    import litellm

    litellm.completion(model=f"azure/{GPT}", messages=MESSAGES)


def litellm_gemini():
    import litellm

    litellm.completion(model=f"gemini/{GEMINI}", messages=MESSAGES)


def langchain_anthropic():
    from langchain_anthropic import ChatAnthropic

    ChatAnthropic(model=CLAUDE, max_tokens=20).invoke(PROMPT)


def langchain_openai():
    from langchain_openai import ChatOpenAI

    ChatOpenAI(model=GPT).invoke(PROMPT)


def langchain_azure():
    from langchain_openai import AzureChatOpenAI

    AzureChatOpenAI(azure_deployment=GPT).invoke(PROMPT)


def langchain_google():
    from langchain_google_genai import ChatGoogleGenerativeAI

    ChatGoogleGenerativeAI(model=GEMINI).invoke(PROMPT)


def llamaindex_openai():
    from llama_index.llms.openai import OpenAI

    OpenAI(model=GPT).complete(PROMPT)


def pydantic_ai_anthropic():
    from pydantic_ai import Agent

    asyncio.run(Agent(f"anthropic:{CLAUDE}").run(PROMPT))


def pydantic_ai_openai():
    from pydantic_ai import Agent

    asyncio.run(Agent(f"openai-chat:{GPT}").run(PROMPT))


def pydantic_ai_google():
    from pydantic_ai import Agent

    asyncio.run(Agent(f"google:{GEMINI}").run(PROMPT))


globals()[sys.argv[1]]()
