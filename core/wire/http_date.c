#include "wire/http_date.h"

#include <assert.h>
#include <stdbool.h>

/* A date is read by a chain of takes, one per piece of its grammar: the chain stops at the first
 * piece that does not fit. The name of the weekday must be one, but nobody asks whether it is the
 * right one: servers get it wrong, and the date is clear without it. */

struct civil {
    int year, month, day; /* from 1 */
    int hour, minute, second;
};

static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const LONG_DAYS[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                        "Thursday", "Friday", "Saturday"};

enum { YEAR_MIN = 1970, YEAR_MAX = 9999, DAY_S = 86400 };

/* The second after 9999-12-31T23:59:59Z. */
static const int64_t UNIX_S_END = 253402300800;

/* --- calendar --------------------------------------------------------------------------------- */

static bool is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return days[month - 1] + (month == 2 && is_leap(year));
}

/* From 1970-01-01 to the first day of that year. */
static int64_t days_before_year(int year)
{
    int64_t y = year - 1;

    return 365 * (y - 1969) + (y / 4 - y / 100 + y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
}

static int64_t days_since_1970(const struct civil *c)
{
    int64_t days = days_before_year(c->year) + c->day - 1;

    for (int month = 1; month < c->month; month++)
        days += days_in_month(c->year, month);
    return days;
}

/* A second of 60 is a leap second and means the next minute's first. */
static enum rc to_unix(const struct civil *c, int64_t offset_s, int64_t *unix_s)
{
    int64_t seconds;

    if (c->month < 1 || c->month > 12 || c->day < 1)
        return RC_MALFORMED;
    if (c->day > days_in_month(c->year, c->month))
        return RC_MALFORMED;
    if (c->hour > 23 || c->minute > 59 || c->second > 60)
        return RC_MALFORMED;
    seconds = days_since_1970(c) * DAY_S + c->hour * 3600 + c->minute * 60 + c->second - offset_s;
    if (c->year < YEAR_MIN || seconds < 0 || seconds >= UNIX_S_END)
        return RC_LIMIT;
    *unix_s = seconds;
    return RC_OK;
}

static struct civil to_civil(int64_t unix_s)
{
    int64_t days = unix_s / DAY_S;
    int second = (int)(unix_s % DAY_S);
    struct civil c = {.year = (int)(YEAR_MIN + days / 366), /* never too late a guess */
                      .month = 1,
                      .hour = second / 3600,
                      .minute = second / 60 % 60,
                      .second = second % 60};

    while (days_before_year(c.year + 1) <= days)
        c.year++;
    days -= days_before_year(c.year);
    while (days >= days_in_month(c.year, c.month))
        days -= days_in_month(c.year, c.month++);
    c.day = (int)days + 1;
    return c;
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool take(struct slice *text, const char *literal)
{
    struct slice prefix = slice_of(literal);

    if (!slice_starts_with(*text, prefix))
        return false;
    *text = (struct slice){text->data + prefix.size, text->size - prefix.size};
    return true;
}

/* Exactly that many digits. */
static bool take_number(struct slice *text, size_t digits, int *value)
{
    uint64_t read;

    if (text->size < digits || !slice_u64((struct slice){text->data, digits}, &read))
        return false;
    *text = (struct slice){text->data + digits, text->size - digits};
    *value = (int)read;
    return true;
}

static bool take_name(struct slice *text, const char *const *names, int count, int *index)
{
    for (int i = 0; i < count; i++) {
        if (take(text, names[i])) {
            *index = i;
            return true;
        }
    }
    return false;
}

static bool take_month(struct slice *text, int *month)
{
    if (!take_name(text, MONTHS, ARRAY_SIZE(MONTHS), month))
        return false;
    *month += 1;
    return true;
}

/* Two places, the first of them perhaps a space. */
static bool take_padded_day(struct slice *text, int *day)
{
    return take(text, " ") ? take_number(text, 1, day) : take_number(text, 2, day);
}

static bool take_clock(struct slice *text, struct civil *c)
{
    return take_number(text, 2, &c->hour) && take(text, ":") && take_number(text, 2, &c->minute) &&
           take(text, ":") && take_number(text, 2, &c->second);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool read_imf(struct slice text, struct civil *c)
{
    int weekday;

    return take_name(&text, DAYS, ARRAY_SIZE(DAYS), &weekday) && take(&text, ", ") &&
           take_number(&text, 2, &c->day) && take(&text, " ") && take_month(&text, &c->month) &&
           take(&text, " ") && take_number(&text, 4, &c->year) && take(&text, " ") &&
           take_clock(&text, c) && take(&text, " GMT") && text.size == 0;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool read_rfc850(struct slice text, struct civil *c)
{
    int weekday, year;

    if (!take_name(&text, LONG_DAYS, ARRAY_SIZE(LONG_DAYS), &weekday) || !take(&text, ", ") ||
        !take_number(&text, 2, &c->day) || !take(&text, "-") || !take_month(&text, &c->month) ||
        !take(&text, "-") || !take_number(&text, 2, &year) || !take(&text, " ") ||
        !take_clock(&text, c) || !take(&text, " GMT") || text.size > 0)
        return false;
    c->year = year < 70 ? 2000 + year : 1900 + year;
    return true;
}

/* Sun Nov  6 08:49:37 1994 */
static bool read_asctime(struct slice text, struct civil *c)
{
    int weekday;

    return take_name(&text, DAYS, ARRAY_SIZE(DAYS), &weekday) && take(&text, " ") &&
           take_month(&text, &c->month) && take(&text, " ") && take_padded_day(&text, &c->day) &&
           take(&text, " ") && take_clock(&text, c) && take(&text, " ") &&
           take_number(&text, 4, &c->year) && text.size == 0;
}

enum rc http_date_read(struct slice text, int64_t *unix_s)
{
    struct civil c;

    if (!read_imf(text, &c) && !read_rfc850(text, &c) && !read_asctime(text, &c))
        return RC_MALFORMED;
    return to_unix(&c, 0, unix_s);
}

static bool skip_fraction(struct slice *text)
{
    int digit;
    bool has_digits = false;

    if (!take(text, "."))
        return true;
    while (take_number(text, 1, &digit))
        has_digits = true;
    return has_digits;
}

/* Z, z, +hh:mm or -hh:mm. */
static bool take_offset(struct slice *text, int64_t *offset_s)
{
    bool is_west = slice_starts_with(*text, SLICE("-"));
    int hours, minutes;

    *offset_s = 0;
    if (take(text, "Z") || take(text, "z"))
        return true;
    if (!take(text, is_west ? "-" : "+") || !take_number(text, 2, &hours) || !take(text, ":") ||
        !take_number(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *offset_s = (is_west ? -60 : 60) * ((int64_t)hours * 60 + minutes);
    return true;
}

enum rc rfc3339_read(struct slice text, int64_t *unix_s)
{
    struct civil c;
    int64_t offset_s;

    if (!take_number(&text, 4, &c.year) || !take(&text, "-") || !take_number(&text, 2, &c.month) ||
        !take(&text, "-") || !take_number(&text, 2, &c.day) ||
        !(take(&text, "T") || take(&text, "t") || take(&text, " ")) || !take_clock(&text, &c) ||
        !skip_fraction(&text) || !take_offset(&text, &offset_s) || text.size > 0)
        return RC_MALFORMED;
    return to_unix(&c, offset_s, unix_s);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Digits by hand: a mock writes a date on every answer, and printf is slow. */
static void write_number(struct buffer *out, int value, int digits)
{
    char text[4];

    for (int i = digits; i > 0; i--) {
        text[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    buffer_append(out, (struct slice){text, (size_t)digits});
}

static void write_clock(struct buffer *out, const struct civil *c)
{
    write_number(out, c->hour, 2);
    buffer_byte(out, ':');
    write_number(out, c->minute, 2);
    buffer_byte(out, ':');
    write_number(out, c->second, 2);
}

void http_date_write(struct buffer *out, int64_t unix_s)
{
    struct civil c;

    assert(unix_s >= 0);
    assert(unix_s < UNIX_S_END);
    c = to_civil(unix_s);
    buffer_text(out, DAYS[(unix_s / DAY_S + 4) % 7]); /* 1970 began on a Thursday */
    buffer_text(out, ", ");
    write_number(out, c.day, 2);
    buffer_byte(out, ' ');
    buffer_text(out, MONTHS[c.month - 1]);
    buffer_byte(out, ' ');
    write_number(out, c.year, 4);
    buffer_byte(out, ' ');
    write_clock(out, &c);
    buffer_text(out, " GMT");
}

void rfc3339_write(struct buffer *out, int64_t unix_s)
{
    struct civil c;

    assert(unix_s >= 0);
    assert(unix_s < UNIX_S_END);
    c = to_civil(unix_s);
    write_number(out, c.year, 4);
    buffer_byte(out, '-');
    write_number(out, c.month, 2);
    buffer_byte(out, '-');
    write_number(out, c.day, 2);
    buffer_byte(out, 'T');
    write_clock(out, &c);
    buffer_byte(out, 'Z');
}
