/* The processes of a program, as the system tells of them: here this test's own, and a child. */

#include "os/process_sample.h"

#include <CUnit/CUnit.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/expect.h"

/* Leads a group of its own, and waits to be killed once it has said that it is there. */
static pid_t start_child(int told)
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    setpgid(0, 0);
    if (write(told, "", 1) == 1)
        pause();
    _exit(0);
}

static pid_t start_and_await(void)
{
    int ends[2];
    char byte;
    pid_t pid;

    CU_ASSERT_FATAL(pipe(ends) == 0);
    pid = start_child(ends[1]);
    CU_ASSERT_FATAL(pid > 0);
    CU_ASSERT(read(ends[0], &byte, 1) == 1);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void a_process_has_memory_descriptors_and_threads(void)
{
    pid_t child = start_and_await();
    struct process_sample sample;

    CU_ASSERT(process_sample_of(child, &sample));
    EXPECT_U64(sample.processes, 1);
    CU_ASSERT(sample.threads >= 1); /* TSan brings one of its own */
    CU_ASSERT(sample.rss_bytes > 4096);
    CU_ASSERT(sample.descriptors >= 3);
    end(child);
}

static void a_descriptor_more_is_one_more(void)
{
    struct process_sample before, after;
    pid_t child = start_and_await();
    int fd;

    CU_ASSERT(process_sample_of(child, &before));
    end(child);
    fd = open("/dev/null", O_RDONLY); /* the next one inherits it */
    child = start_and_await();
    CU_ASSERT(process_sample_of(child, &after));
    EXPECT_U64(after.descriptors, before.descriptors + 1);
    end(child);
    close(fd);
}

static void children_count_with_their_parent(void)
{
    struct process_sample before, after;
    pid_t child;

    CU_ASSERT(process_sample_of(getpid(), &before));
    child = start_and_await(); /* another group: by descent alone */
    CU_ASSERT(process_sample_of(getpid(), &after));
    EXPECT_U64(after.processes, before.processes + 1);
    end(child);
}

static void nobody_is_left_of_a_process_that_ended(void)
{
    pid_t child = start_and_await();
    struct process_sample sample;

    end(child);
    CU_ASSERT_FALSE(process_sample_of(child, &sample));
    EXPECT_U64(sample.processes, 0);
}

static CU_TestInfo tests[] = {
    {"a process has memory, descriptors and threads", a_process_has_memory_descriptors_and_threads},
    {"a descriptor more is one more", a_descriptor_more_is_one_more},
    {"children count with their parent", children_count_with_their_parent},
    {"nobody is left of a process that ended", nobody_is_left_of_a_process_that_ended},
    CU_TEST_INFO_NULL,
};

CU_SuiteInfo process_sample_suite = {"process_sample", NULL, NULL, NULL, NULL, tests};
