#include "builtin.h"

/* A model of each family: any other name behaves as its listener's. The load is never played: a
 * mock only answers. It stands here because a scenario has one. */
const char builtin_scenario[] =
    "{\n"
    "  \"name\": \"builtin\",\n"
    "  \"about\": \"Any model, at once; nothing goes wrong.\",\n"
    "  \"seed\": 1,\n"
    "  \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude-sonnet-4-5\": {\"api\": \"anthropic\", \"first_token\": \"1us\",\n"
    "                          \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"gpt-4o\": {\"api\": \"openai-chat\", \"first_token\": \"1us\",\n"
    "               \"rate\": \"1000000000 tokens/s\"},\n"
    "    \"gemini-2.5-flash\": {\"api\": \"gemini\", \"first_token\": \"1us\",\n"
    "                         \"rate\": \"1000000000 tokens/s\"}}}},\n"
    "  \"load\": {\n"
    "    \"requests\": [{\"model\": \"claude-sonnet-4-5\", \"input_tokens\": 100,\n"
    "                  \"output_tokens\": 20}],\n"
    "    \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]}\n"
    "}\n";
