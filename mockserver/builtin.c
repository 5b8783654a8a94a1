#include "builtin.h"

/* The load is never played: a mock only answers. It stands here because a scenario has one. */
const char builtin_scenario[] =
    "{\n"
    "  \"name\": \"builtin\",\n"
    "  \"about\": \"One fast model per provider; nothing goes wrong.\",\n"
    "  \"seed\": 1,\n"
    "  \"subject\": {\"client\": {\"preset\": \"none\"}},\n"
    "  \"target\": {\"mock\": {\"models\": {\n"
    "    \"claude-sonnet-4-5\": {\"api\": \"anthropic\", \"first_token\": \"1ms\",\n"
    "                          \"rate\": \"10000 tokens/s\"},\n"
    "    \"gpt-4o\": {\"api\": \"openai-chat\", \"first_token\": \"1ms\",\n"
    "               \"rate\": \"10000 tokens/s\"}}}},\n"
    "  \"load\": {\n"
    "    \"requests\": [{\"model\": \"claude-sonnet-4-5\", \"input_tokens\": 100,\n"
    "                  \"output_tokens\": 20}],\n"
    "    \"arrivals\": [{\"part\": \"steady\", \"rate\": \"1/s\", \"for\": \"1s\"}]}\n"
    "}\n";
