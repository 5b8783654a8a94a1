#include "workflow.h"

static const char head[] =
    "# Written by `brownout new --github`. Three places are yours: where brownout's source lies, "
    "how\n"
    "# your program is installed, and how it is started.\n"
    "name: brownout\n"
    "\n"
    "on:\n"
    "  pull_request:\n"
    "  push:\n"
    "    branches: [main]\n"
    "\n"
    "permissions:\n"
    "  contents: read\n"
    "\n"
    "jobs:\n"
    "  gate:\n"
    "    runs-on: ubuntu-latest\n"
    "    timeout-minutes: 15\n"
    "    steps:\n"
    "      - uses: actions/checkout@v4\n"
    "\n"
    "      - name: Check out brownout beside it\n"
    "        uses: actions/checkout@v4\n"
    "        with:\n"
    "          repository: OWNER/brownout # yours: where its source lies\n"
    "          path: .brownout\n"
    "\n"
    "      - name: Install its Debian packages\n"
    "        run: |\n"
    "          sudo apt-get update\n"
    "          sudo apt-get install -y --no-install-recommends gcc make pkg-config \\\n"
    "            libcurl4-openssl-dev libevent-dev libpcre2-dev libssl-dev\n"
    "\n"
    "      - name: Build brownout\n"
    "        run: make -C .brownout -j\"$(nproc)\" bin/brownout bin/brownout-mock\n"
    "\n"
    "      - name: Install your program\n"
    "        run: pip install -r requirements.txt # yours\n"
    "\n"
    "      # Counts and conduct decide, not latencies: a shared machine has its neighbours' too. "
    "What\n"
    "      # the machine was too busy to tell is held again, twice at most. No key is needed.\n"
    "      - name: Gate\n"
    "        run: |\n"
    "          .brownout/bin/brownout exec ";

static const char tail[] =
    " --max-time 3m --inconclusive retry:2 \\\n"
    "            --out results -- python3 app.py # yours\n"
    "\n"
    "      - name: Summary\n"
    "        if: always()\n"
    "        run: find results -name summary.md -exec cat {} + >> \"$GITHUB_STEP_SUMMARY\"\n"
    "\n"
    "      - name: Keep the evidence\n"
    "        if: always()\n"
    "        uses: actions/upload-artifact@v4\n"
    "        with:\n"
    "          name: brownout-results\n"
    "          path: results/\n";

void workflow_write(const char *scenario, struct buffer *out)
{
    buffer_text(out, head);
    buffer_text(out, scenario);
    buffer_text(out, tail);
}
