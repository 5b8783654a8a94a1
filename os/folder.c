#include "os/folder.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NUMBERS_MAX = 10000 };

_Static_assert(FOLDER_PATH_MAX >= PATH_MAX, "realpath writes up to PATH_MAX bytes");

static enum rc fail(struct error *err, const char *path)
{
    int code = errno;

    error_set(err, RC_SYSTEM, "%s: %s", path, strerror(code));
    if (err != NULL)
        err->os_errno = code;
    return RC_SYSTEM;
}

static enum rc copy_path(struct error *err, const char *from, size_t size,
                         char path[FOLDER_PATH_MAX])
{
    if (size >= FOLDER_PATH_MAX)
        return error_set(err, RC_LIMIT, "%.60s...: the name is too long", from);
    memmove(path, from, size);
    path[size] = '\0';
    return RC_OK;
}

static bool make_one(const char *path)
{
    struct stat status;

    if (mkdir(path, 0777) == 0)
        return true;
    if (errno != EEXIST || stat(path, &status) != 0)
        return false;
    errno = ENOTDIR; /* a file is in the way */
    return S_ISDIR(status.st_mode);
}

enum rc folder_make(const char *path, struct error *err)
{
    char part[FOLDER_PATH_MAX];

    TRY(copy_path(err, path, strlen(path), part));
    for (char *at = part; (at = strchr(at + 1, '/')) != NULL; *at = '/') {
        *at = '\0';
        if (!make_one(part))
            return fail(err, part);
    }
    return make_one(part) ? RC_OK : fail(err, part);
}

enum rc folder_make_numbered(const char *stem, char path[FOLDER_PATH_MAX], struct error *err)
{
    for (int number = 1; number <= NUMBERS_MAX; number++) {
        int size = snprintf(path, FOLDER_PATH_MAX, "%s-%d", stem, number);

        if (size < 0 || size >= FOLDER_PATH_MAX)
            return error_set(err, RC_LIMIT, "%.60s...: the name is too long", stem);
        if (mkdir(path, 0777) == 0)
            return RC_OK;
        if (errno != EEXIST)
            return fail(err, path);
    }
    return error_set(err, RC_LIMIT, "%s-N: all of %d names are taken", stem, NUMBERS_MAX);
}

void folder_take_back(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    while (folder != NULL && (entry = readdir(folder)) != NULL)
        (void)unlinkat(dirfd(folder), entry->d_name, 0); /* "." and ".." refuse by themselves */
    if (folder != NULL)
        closedir(folder);
    (void)rmdir(path); /* not empty, or not ours: stays */
}

enum rc folder_of(const char *file, char path[FOLDER_PATH_MAX], struct error *err)
{
    const char *slash = strrchr(file, '/');

    if (slash == NULL)
        return copy_path(err, ".", 1, path);
    return copy_path(err, file, slash == file ? 1 : (size_t)(slash - file), path);
}

enum rc folder_of_program(char path[FOLDER_PATH_MAX], struct error *err)
{
    char program[FOLDER_PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", program, sizeof(program) - 1);

    if (size < 0)
        return fail(err, "/proc/self/exe");
    program[size] = '\0';
    return folder_of(program, path, err);
}

enum rc folder_absolute(const char *file, char path[FOLDER_PATH_MAX], struct error *err)
{
    char whole[PATH_MAX];

    if (realpath(file, whole) == NULL)
        return fail(err, file);
    return copy_path(err, whole, strlen(whole), path);
}
