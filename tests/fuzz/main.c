/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Feeds files to a fuzz target where libFuzzer is not at hand: every file named on the command
 * line, and every file in the directories named there. Link it with one fuzz_*.c.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int feed_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t size = 0, n;
    if (!file) {
        perror(path);
        return 1;
    }
    do {
        uint8_t *grown = realloc(data, size + 65536);
        if (!grown) {
            perror(path);
            free(data);
            fclose(file);
            return 1;
        }
        data = grown;
        n = fread(data + size, 1, 65536, file);
        size += n;
    } while (n > 0);
    fclose(file);
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    return 0;
}

static int feed(const char *path)
{
    struct stat status;
    char name[4096];
    int failed = 0;
    if (stat(path, &status) || !S_ISDIR(status.st_mode))
        return feed_file(path);
    DIR *dir = opendir(path);
    if (!dir) {
        perror(path);
        return 1;
    }
    for (const struct dirent *entry; (entry = readdir(dir));) {
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (stat(name, &status) == 0 && S_ISREG(status.st_mode))
            failed |= feed_file(name);
    }
    closedir(dir);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= feed(argv[i]);
    return failed;
}
