/* report_html.c - an evaluation as one self-contained page: the page itself and its tables.
 *
 * Style and drawings are inline: a report is mailed, archived and opened years later without a
 * network. Colours are variables, so that one rule for dark screens serves everything.
 */
#include "app/report_html.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The eight hues are Okabe and Ito's, told apart with any kind of colour vision; the order keeps
 * neighbours far apart in lightness too. */
static const char style[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1c2430;--soft:#5b6675;--rule:#dfe4ea;"
    "--panel:#f6f8fa;--band:#cfe8d8;--good:#08704a;--bad:#b3261e;"
    "--s0:#0067b1;--s1:#c25a00;--s2:#00836a;--s3:#a3306f;--s4:#8a6d00;--s5:#3a9bd0;--s6:#5b6675;"
    "--s7:#b3261e}\n"
    "@media(prefers-color-scheme:dark){:root{--paper:#12161c;--ink:#e6eaf0;--soft:#9aa6b5;"
    "--rule:#2c3541;--panel:#1a2029;--band:#1d3b2c;--good:#58c795;--bad:#ff8a80;"
    "--s0:#5ab0f0;--s1:#f0954a;--s2:#3fc9a5;--s3:#e08abf;--s4:#e0c341;--s5:#8fd0f5;--s6:#9aa6b5;"
    "--s7:#ff8a80}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"
    "\"Segoe UI\",\"Noto Sans\",\"DejaVu Sans\",sans-serif}\n"
    "main{max-width:1120px;margin:0 auto;padding:40px 24px 56px}\n"
    "h1{font-size:28px;line-height:1.25;margin:0 0 8px;letter-spacing:-.01em}\n"
    "h2{font-size:19px;margin:44px 0 6px;padding-top:18px;border-top:1px solid var(--rule)}\n"
    "p{max-width:76ch;margin:6px 0 14px}\n"
    ".lead{color:var(--soft);font-size:16px}\n"
    ".scroll{overflow-x:auto;margin:14px 0 20px}\n"
    "table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}\n"
    "caption{text-align:left;color:var(--soft);padding:0 0 8px;caption-side:top}\n"
    "th,td{padding:5px 14px 5px 0;text-align:right;white-space:nowrap;"
    "border-bottom:1px solid var(--rule)}\n"
    "th{font-weight:600}thead th{color:var(--soft);font-weight:500;vertical-align:bottom}\n"
    "th:first-child{text-align:left;padding-right:22px}\n"
    "tbody tr:hover{background:var(--panel)}\n"
    ".good{color:var(--good)}.bad{color:var(--bad);font-weight:600}\n"
    ".good::after{content:\" \\2713\"}.bad::after{content:\" \\2717\"}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(320px,1fr));gap:20px;"
    "margin:14px 0 20px}\n"
    "figure{margin:0;background:var(--panel);border:1px solid var(--rule);border-radius:8px;"
    "padding:12px 14px 10px;break-inside:avoid}\n"
    "figure.wide{margin:14px 0 20px;max-width:760px}\n"
    "figcaption{font-weight:600;font-size:14px;margin:0 0 4px}\n"
    "svg{display:block;width:100%;height:auto}\n"
    "svg text{fill:var(--soft);font:11px system-ui,-apple-system,\"Segoe UI\",\"Noto Sans\","
    "\"DejaVu Sans\",sans-serif}svg .name{fill:var(--ink)}\n"
    ".grid{stroke:var(--rule);stroke-width:1}.axis{stroke:var(--soft);stroke-width:1}\n"
    ".line{fill:none;stroke-width:2;stroke-linejoin:round}.dash{stroke-dasharray:5 4;"
    "stroke-width:1.5}.diagonal{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}\n"
    ".band{fill:var(--band)}.whisker{stroke:var(--ink);stroke-width:1.5}\n"
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;margin:6px 0 0;padding:0;"
    "font-size:12.5px;color:var(--soft)}\n"
    ".legend svg{display:inline-block;width:22px;height:10px;margin-right:6px}\n"
    "footer{margin-top:48px;padding-top:14px;border-top:1px solid var(--rule);color:var(--soft);"
    "font-size:13px}\n"
    "@media print{main{padding:0}figure,tr{break-inside:avoid}}\n";

void vg_report_text(struct vg_buf *page, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            vg_buf_str(page, "&amp;");
        else if (*text == '<')
            vg_buf_str(page, "&lt;");
        else if (*text == '>')
            vg_buf_str(page, "&gt;");
        else if (*text == '"')
            vg_buf_str(page, "&quot;");
        else if ((unsigned char)*text >= ' ')
            vg_buf_char(page, *text);
    }
}

static void element(struct vg_buf *page, const char *open, const char *text, const char *close)
{
    vg_buf_str(page, open);
    vg_report_text(page, text);
    vg_buf_str(page, close);
}

void vg_report_begin(struct vg_report *r, const char *title, const char *lead)
{
    *r = (struct vg_report){ 0 };
    vg_buf_str(&r->page, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                         "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                         "<meta name=\"generator\" content=\"vigil " VG_VERSION "\">\n");
    element(&r->page, "<title>", title, "</title>\n");
    vg_buf_printf(&r->page, "<style>\n%s</style>\n</head>\n<body>\n<main>\n", style);
    element(&r->page, "<h1>", title, "</h1>\n");
    element(&r->page, "<p class=\"lead\">", lead, "</p>\n");
}

void vg_report_section(struct vg_report *r, const char *heading, const char *text)
{
    element(&r->page, "<h2>", heading, "</h2>\n");
    if (text)
        vg_report_paragraph(r, text);
}

void vg_report_paragraph(struct vg_report *r, const char *text)
{
    element(&r->page, "<p>", text, "</p>\n");
}

void vg_report_table_begin(struct vg_report *r, const char *caption, const char *const *columns,
                           size_t n)
{
    vg_buf_str(&r->page, "<div class=\"scroll\"><table>\n");
    element(&r->page, "<caption>", caption, "</caption>\n<thead><tr>");
    for (size_t i = 0; i < n; i++)
        element(&r->page, "<th scope=\"col\">", columns[i], "</th>");
    vg_buf_str(&r->page, "</tr></thead>\n<tbody>\n");
}

void vg_report_cell(struct vg_report_row *row, const char *fmt, ...)
{
    va_list ap;

    VG_CHECK(row->n < VG_REPORT_COLUMNS_MAX);
    va_start(ap, fmt);
    vsnprintf(row->cell[row->n++], VG_REPORT_CELL_SIZE, fmt, ap);
    va_end(ap);
}

void vg_report_cell_number(struct vg_report_row *row, int decimals, double value)
{
    if (isnan(value))
        vg_report_cell(row, "-");
    else
        vg_report_cell(row, "%.*f", decimals, value);
}

void vg_report_cell_interval(struct vg_report_row *row, const char *mark, int decimals,
                             const struct vg_interval *v)
{
    if (isnan(v->value) || isnan(v->low))
        vg_report_cell_number(row, decimals, v->value);
    else
        vg_report_cell(row, "%s%.*f [%.*f, %.*f]", mark, decimals, v->value, decimals, v->low,
                       decimals, v->high);
}

void vg_report_table_row(struct vg_report *r, const struct vg_report_row *row)
{
    vg_buf_str(&r->page, "<tr>");
    for (size_t i = 0; i < row->n; i++) {
        const char *cell = row->cell[i];

        if (i == 0)
            element(&r->page, "<th scope=\"row\">", cell, "</th>");
        else if (*cell == *VG_REPORT_GOOD)
            element(&r->page, "<td class=\"good\">", cell + 1, "</td>");
        else if (*cell == *VG_REPORT_BAD)
            element(&r->page, "<td class=\"bad\">", cell + 1, "</td>");
        else
            element(&r->page, "<td>", cell, "</td>");
    }
    vg_buf_str(&r->page, "</tr>\n");
}

void vg_report_table_end(struct vg_report *r)
{
    vg_buf_str(&r->page, "</tbody></table></div>\n");
}

vg_status vg_report_write(struct vg_report *r, const char *path, struct vg_err *err)
{
    vg_status st = VG_OK;

    vg_buf_str(&r->page, "<footer>Written by vigil " VG_VERSION ". Vigil is not a medical device: "
                         "these figures describe recordings, not the care of a patient.</footer>\n"
                         "</main>\n</body>\n</html>\n");

    FILE *file = fopen(path, "we");
    bool written = file && fwrite(r->page.data, 1, r->page.len, file) == r->page.len;

    if (file && fclose(file) != 0)
        written = false;
    if (!written)
        st = vg_fail(err, VG_E_IO, "cannot write the report %s: %s", path, strerror(errno));
    vg_buf_done(&r->page);
    return st;
}
