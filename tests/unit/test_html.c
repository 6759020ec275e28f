/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/report/html.h"
#include "sim/report/report_read.h"

/* What a writer writes. */
struct written {
    FILE *out;
    char *text;
    size_t size;
};

static FILE *begin(struct written *written)
{
    *written = (struct written){0};
    written->out = open_memstream(&written->text, &written->size);
    cr_assert_not_null(written->out);
    return written->out;
}

static void expect(struct written *written, const char *expected)
{
    fclose(written->out);
    cr_expect_str_eq(written->text, expected, "\"%s\" instead of \"%s\"", written->text, expected);
    free(written->text);
}

/* ---- Escaping ----------------------------------------------------------------------------- */

static const struct {
    const char *text, *html;
} texts[] = {
    {"", ""},
    {"plain text, 100 %", "plain text, 100 %"},
    {"<b a=\"1\" b='2'>&amp;</b>", "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;amp;&lt;/b&gt;"},
    {"a\033[31m\rb\n\t\001\177", "a\\x1b[31m\\x0db\\n\\t\\x01\\x7f"},
    {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\xc2\x80\xc2\x9b", "\\u0080\\u009b"},               /* C1 controls */
    {"\xe2\x80\xaexyz\xe2\x81\xa6", "\\u202exyz\\u2066"}, /* turn the direction */
    {"\xef\xbb\xbf\xef\xbf\xbf\xe2\x80\x8b", "\\ufeff\\uffff\\u200b"},
    {"\xff\xc3", "\\xff\\xc3"},                            /* no UTF-8; cut off */
    {"\xc0\xbc\xe0\x80\xbc", "\\xc0\\xbc\\xe0\\x80\\xbc"}, /* overlong "<" */
    {"\xed\xa0\x80\xf4\x90\x80\x80", "\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80"},
    {"\xe2\x82<", "\\xe2\\x82&lt;"},
};

Test(html, text_is_escaped)
{
    struct written written;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        html_text(begin(&written), texts[i].text);
        expect(&written, texts[i].html);
    }
}

Test(html, no_byte_gets_through_as_markup)
{
    struct written written;
    FILE *out = begin(&written);
    for (int byte = 1; byte < 256; byte++) {
        char text[] = {(char)byte, 0};
        html_text(out, text);
        html_name(out, text, 1);
        html_short(out, text, 0);
        html_print(out, "%s", text);
        html_prose(out, text);
        html_url(out, text);
    }
    fclose(out);
    for (const char *at = written.text; (at = strpbrk(at, "<>\"'")); at++)
        cr_expect(!strncmp(at, "<code>", 6) || !strncmp(at, "</code>", 7) || *at == '>', "%.20s",
                  at);
    for (const char *at = written.text; *at; at++)
        cr_expect_geq((unsigned char)*at, ' ');
    free(written.text);
}

Test(html, lines_stay_lines)
{
    struct written written;
    html_lines(begin(&written), "{\n\t\"a\":\t\"<\"\r\n}");
    expect(&written, "{\n\t&quot;a&quot;:\t&quot;&lt;&quot;\\x0d\n}");
}

Test(html, print)
{
    struct written written;
    html_print(begin(&written), "<p class=\"%s\">%s%% of %zu</p>", "a\"b", "<5", (size_t)12);
    expect(&written, "<p class=\"a&quot;b\">&lt;5% of 12</p>");
}

Test(html, urls_are_relative)
{
    struct written written;
    html_url(begin(&written), "javascript:a b/\xc3\xa9?#%\"c.json");
    expect(&written, "javascript%3aa%20b/%c3%a9%3f%23%25%22c.json");
}

/* ---- Long names --------------------------------------------------------------------------- */

Test(html, short_names_as_they_are)
{
    struct written written;
    html_name(begin(&written), "vfs_read", 8);
    expect(&written, "<code>vfs_read</code>");
}

Test(html, long_names_are_shortened)
{
    struct written written;
    html_name(begin(&written), "abc<defghijkl", 9);
    expect(&written, "<code title=\"abc&lt;defghijkl\">abc&lt;de\u2026jkl</code>");
    html_short(begin(&written), "\u00e9\u00e9\u00e9\u00e9\u00e9", 3);
    expect(&written, "\u00e9\u00e9\u2026\u00e9");
}

Test(html, name_of_ten_kibibytes)
{
    struct written written;
    char *name = malloc(10241);
    for (int i = 0; i < 10240; i++)
        name[i] = (char)('a' + i % 26);
    name[10240] = '\0';
    html_name(begin(&written), name, 64);
    fclose(written.out);
    cr_expect_not_null(strstr(written.text, name), "all of it is in the title");
    cr_expect_leq(strlen(strchr(written.text, '>')), 64 + 3 + strlen("></code>"));
    free(written.text);
    free(name);
}

/* ---- Prose and quantities ----------------------------------------------------------------- */

Test(html, prose)
{
    static const char *const cases[][2] = {
        {"3,318,739,958 instructions", "3\u202f318\u202f739\u202f958 instructions"},
        {"8.30 s, 461 us, 5 uJ", "8.30\u00a0s, 461\u00a0\u00b5s, 5\u00a0\u00b5J"},
        {"12.5 % of 3 samples", "12.5\u00a0% of 3 samples"},
        {"in 1,2 and 1,2345 <x>", "in 1,2 and 1,2345 &lt;x&gt;"},
        {"a us b", "a us b"},
    };
    struct written written;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        html_prose(begin(&written), cases[i][0]);
        expect(&written, cases[i][1]);
    }
}

Test(html, quantities_in_words)
{
    static const struct {
        const char *(*words)(double, char[WORDS_SIZE]);
        double value;
        const char *text;
    } cases[] = {
        {words_count, 0, "0"},
        {words_count, 999, "999"},
        {words_count, 1000, "1,000"},
        {words_count, -1234567, "-1,234,567"},
        {words_count, 3318739958.0, "3,318,739,958"},
        {words_count, 0.643, "0.64"},
        {words_count, 1e300, "1e+300"},
        {words_share, 0.912, "91.2 %"},
        {words_share, 0, "0.0 %"},
        {words_share, 1, "100.0 %"},
        {words_share, 0.99995, "> 99.99 %"},
        {words_share, 0.9995, "99.95 %"},
        {words_share, 0.00704, "0.70 %"},
        {words_share, 0.0000123, "0.0012 %"},
        {words_time, 0, "0 ns"},
        {words_time, 12, "12 ns"},
        {words_time, 999.6, "1.00 us"},
        {words_time, 8301634752.0, "8.30 s"},
        {words_time, 7.2e12, "7,200 s"},
        {words_energy, 933464.6, "933 uJ"},
        {words_bytes, 1023, "1,023 B"},
        {words_bytes, 1024, "1.00 KiB"},
        {words_bytes, 1609879132.0, "1.50 GiB"},
        {words_volts, 2.9377, "2.938 V"},
        {words_factor, 1.2451, "1.25"},
    };
    char buffer[WORDS_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(cases[i].words(cases[i].value, buffer), cases[i].text, "%g: %s",
                         cases[i].value, buffer);
}

Test(html, all_quantities_fit)
{
    const char *(*const words[])(double, char[WORDS_SIZE]) = {
        words_count, words_share, words_time, words_energy, words_bytes, words_volts, words_factor};
    char buffer[WORDS_SIZE];
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (int exponent = -320; exponent < 309; exponent++) {
            double value = 9.9999999e-10;
            char number[32];
            snprintf(number, sizeof number, "-9.99999999e%d", exponent);
            value = strtod(number, NULL);
            cr_expect_lt(strlen(words[i](value, buffer)), WORDS_SIZE - 1, "%s", buffer);
            cr_expect_lt(strlen(words[i](-value, buffer)), WORDS_SIZE - 1, "%s", buffer);
        }
}

/* ---- Pictures ----------------------------------------------------------------------------- */

Test(html, data_uri)
{
    char path[] = "/tmp/iaso-html-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, "<svg/>", 6), 6);
    close(fd);
    char *uri = html_data_uri(path, "image/svg+xml", 6);
    cr_expect_str_eq(uri, "data:image/svg+xml;base64,PHN2Zy8+");
    free(uri);
    cr_expect_null(html_data_uri(path, "image/svg+xml", 5), "too large");
    cr_assert_eq(truncate(path, 0), 0);
    cr_expect_null(html_data_uri(path, "image/svg+xml", 5), "empty");
    unlink(path);
    cr_expect_null(html_data_uri(path, "image/svg+xml", 5), "not there");
}
