// Clients for Node, each asked one thing with nothing set but its environment. Names are those in
// base_urls.json.
import { createRequire } from "node:module";

// Packages lie in the folder this is started in.
const require = createRequire(`${process.cwd()}/`);
const load = (name) => import(require.resolve(name));

const PROMPT = "Say something, in the words of your own choice, please.";
const MESSAGES = [{ role: "user", content: PROMPT }];
const CLAUDE = "claude-sonnet-4-5";
const GPT = "gpt-4o";
const GEMINI = "gemini-2.5-flash";

const clients = {
  async anthropic() {
    const { default: Anthropic } = await load("@anthropic-ai/sdk");
    await new Anthropic().messages.create({ model: CLAUDE, max_tokens: 20, messages: MESSAGES });
  },
  async openai_chat() {
    const { default: OpenAI } = await load("openai");
    await new OpenAI().chat.completions.create({ model: GPT, messages: MESSAGES });
  },
  async openai_responses() {
    const { default: OpenAI } = await load("openai");
    await new OpenAI().responses.create({ model: GPT, input: PROMPT });
  },
  async openai_azure() {
    const { AzureOpenAI } = await load("openai");
    await new AzureOpenAI().chat.completions.create({ model: GPT, messages: MESSAGES });
  },
  async google_genai() {
    const { GoogleGenAI } = await load("@google/genai");
    await new GoogleGenAI({}).models.generateContent({ model: GEMINI, contents: PROMPT });
  },
  async ai_anthropic() {
    const { generateText } = await load("ai");
    const { anthropic } = await load("@ai-sdk/anthropic");
    await generateText({ model: anthropic(CLAUDE), prompt: PROMPT });
  },
  async ai_openai() {
    const { generateText } = await load("ai");
    const { openai } = await load("@ai-sdk/openai");
    await generateText({ model: openai(GPT), prompt: PROMPT });
  },
  async ai_google() {
    // It reads no base URL: the one line that a program needs.
    const { generateText } = await load("ai");
    const { createGoogle, createGoogleGenerativeAI } = await load("@ai-sdk/google");
    const create = createGoogle ?? createGoogleGenerativeAI;
    const google = create({ baseURL: `${process.env.BROWNOUT_GEMINI}/v1beta` });
    await generateText({ model: google(GEMINI), prompt: PROMPT });
  },
  async langchain_anthropic() {
    const { ChatAnthropic } = await load("@langchain/anthropic");
    await new ChatAnthropic({ model: CLAUDE, maxTokens: 20 }).invoke(PROMPT);
  },
  async langchain_openai() {
    const { ChatOpenAI } = await load("@langchain/openai");
    await new ChatOpenAI({ model: GPT }).invoke(PROMPT);
  },
  async langchain_azure() {
    const { AzureChatOpenAI } = await load("@langchain/openai");
    await new AzureChatOpenAI({ azureOpenAIApiDeploymentName: GPT }).invoke(PROMPT);
  },
  async langchain_google() {
    // It reads no base URL either.
    const { ChatGoogleGenerativeAI } = await load("@langchain/google-genai");
    const baseUrl = process.env.BROWNOUT_GEMINI;
    await new ChatGoogleGenerativeAI({ model: GEMINI, baseUrl }).invoke(PROMPT);
  },
};

await clients[process.argv[2]]();
