/* `mock`: this program becomes the other one, so signals and output are its own. */

#include "commands.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "mock_process.h"
#include "os/folder.h"

enum exit_code command_mock(const struct options *options)
{
    char path[FOLDER_PATH_MAX];
    const char *arguments[8] = {path};
    const char *named[][2] = {{"--scenario", options->files_count > 0 ? options->files[0] : NULL},
                              {"--port", options->port},
                              {"--journal", options->journal}};
    size_t count = 1;
    struct error err = {0};

    if (options->files_count > 1) {
        error_set(&err, RC_MALFORMED, "mock plays one scenario, found %u files",
                  options->files_count);
        return complain(&err, EXIT_USAGE);
    }
    for (size_t i = 0; i < ARRAY_SIZE(named); i++) {
        if (named[i][1] == NULL)
            continue;
        arguments[count++] = named[i][0];
        arguments[count++] = named[i][1];
    }
    if (mock_process_path(path, sizeof(path), &err) != RC_OK)
        return complain(&err, EXIT_NOT_CARRIED_OUT);
    execv(path, (char *const *)(uintptr_t)arguments);
    error_set(&err, RC_SYSTEM, "%s: %s", path, strerror(errno));
    return complain(&err, EXIT_NOT_CARRIED_OUT);
}
