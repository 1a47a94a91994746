/*
 * replay_main.c: runs a fuzz target over its corpus, as one TAP test, without libFuzzer.
 *
 * Inputs are the files in the directories named on the command line; with none,
 * $top_srcdir/tests/fuzz/corpus/NAME for the program fuzz_NAME. Each is fed from a heap block
 * of its exact size, so that a sanitizer sees a read past its end. A target that finds a
 * fault aborts.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { PATH_LEN = 4096, INPUT_LEN = 1024 * 1024 };

static bool replay_file(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    uint8_t *data = malloc(INPUT_LEN);
    size_t len = data == NULL ? 0 : fread(data, 1, INPUT_LEN, f);
    bool ok = data != NULL && !ferror(f) && feof(f);
    fclose(f);
    uint8_t *exact = ok ? malloc(len + (len == 0)) : NULL;
    if (exact != NULL) {
        memcpy(exact, data, len);
        LLVMFuzzerTestOneInput(exact, len);
    }
    ok = exact != NULL;
    free(exact);
    free(data);
    return ok;
}

/* Counts the files replayed into *n; false when something could not be read. */
static bool replay_dir(const char *dir, int *n)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return false;
    bool ok = true;
    for (const struct dirent *entry; ok && (entry = readdir(d)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        char path[PATH_LEN];
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        ok = replay_file(path);
        if (!ok)
            printf("# cannot read %s\n", path);
        *n += ok;
    }
    closedir(d);
    return ok;
}

int main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "fuzz_") == NULL ? argv[0] : strrchr(argv[0], '/');
    name = name == NULL ? argv[0] : name + 1;
    name += strncmp(name, "fuzz_", 5) == 0 ? 5 : 0;
    const char *top = getenv("top_srcdir");
    char preset[PATH_LEN];
    snprintf(preset, sizeof preset, "%s/tests/fuzz/corpus/%s", top == NULL ? "." : top,
             name);

    int n = 0;
    bool ok = true;
    if (argc < 2)
        ok = replay_dir(preset, &n);
    for (int i = 1; i < argc; i++)
        ok = replay_dir(argv[i], &n) && ok;
    printf("1..1\n%s 1 - %s: %d inputs replayed\n", ok && n > 0 ? "ok" : "not ok", name,
           n);
    return ok && n > 0 ? 0 : 1;
}
