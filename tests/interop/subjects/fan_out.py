"""Wrong: twenty calls at once, and each that is turned away asks again at once, nobody counting."""

import asyncio

import openai

client = openai.AsyncOpenAI(max_retries=0)


async def ask(question):
    for _ in range(8):
        try:
            answer = await client.chat.completions.create(
                model="gpt-4o", max_tokens=50, messages=[{"role": "user", "content": question}])
            return answer.choices[0].message.content
        except openai.RateLimitError:
            pass
    return "no answer"


async def main():
    answers = await asyncio.gather(*(ask(f"Summarize page {page}.") for page in range(20)))
    print(f"{sum(answer != 'no answer' for answer in answers)} of {len(answers)} pages")


asyncio.run(main())
