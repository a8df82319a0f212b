/* report_svg.c - the drawings of a report. */
#include <math.h>

#include "app/report_html.h"

/* The plot's own units; the browser scales them. */
enum { WIDTH = 360, HEIGHT = 260, LEFT = 58, RIGHT = 14, TOP = 10, BOTTOM = 42, TICKS = 5 };
enum { BAR_WIDTH = 720, BAR_LEFT = 150, BAR_RIGHT = 60, BAR_ROW = 22, BAR_BOTTOM = 40 };

/* ---- axes ---- */

/** From data to the drawing: at + (value - low) * size / (high - low). */
struct axis {
    double low, high; /* data */
    double at, size;  /* drawing; size is negative upwards */
};

static double place(const struct axis *a, double value)
{
    return a->at + (value - a->low) * a->size / (a->high - a->low);
}

/** A step of 1, 2 or 5 times a power of ten that cuts `range` into about TICKS pieces. */
static double nice_step(double range)
{
    double raw = range / TICKS, power = pow(10, floor(log10(raw))), step = raw / power;

    if (step < 1.5)
        return power;
    if (step < 3.5)
        return 2 * power;
    return step < 7.5 ? 5 * power : 10 * power;
}

static void widen(struct axis *a, double value)
{
    if (!isfinite(value))
        return;
    a->low = isnan(a->low) ? value : fmin(a->low, value);
    a->high = isnan(a->high) ? value : fmax(a->high, value);
}

/** Bounds from the data where none were given, on whole steps. */
static void settle(struct axis *a)
{
    if (isnan(a->low))
        a->low = a->high = 0;
    if (a->high <= a->low) {
        a->low -= 0.5;
        a->high += 0.5;
    }

    double step = nice_step(a->high - a->low);
    a->low = floor(a->low / step + 1e-9) * step;
    a->high = ceil(a->high / step - 1e-9) * step;
}

static void number(struct vg_buf *page, double value, double step)
{
    int digits = step >= 1 ? 0 : (int)ceil(-log10(step) - 1e-9);

    vg_buf_printf(page, "%.*f", digits, fabs(value) < step / 1e6 ? 0 : value);
}

typedef void tick_fn(struct vg_buf *page, double at, double value, double step);

static void each_tick(struct vg_buf *page, const struct axis *a, tick_fn *tick)
{
    double step = nice_step(a->high - a->low);
    double first = ceil(a->low / step - 1e-9);
    int n = (int)floor((a->high - first * step) / step + 1e-9);

    for (int i = 0; i <= n; i++)
        tick(page, place(a, (first + i) * step), (first + i) * step, step);
}

static void x_tick(struct vg_buf *page, double at, double value, double step)
{
    vg_buf_printf(page, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>", at,
                  at, TOP, HEIGHT - BOTTOM);
    vg_buf_printf(page, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", at,
                  HEIGHT - BOTTOM + 15);
    number(page, value, step);
    vg_buf_str(page, "</text>\n");
}

static void y_tick(struct vg_buf *page, double at, double value, double step)
{
    vg_buf_printf(page, "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT,
                  WIDTH - RIGHT, at, at);
    vg_buf_printf(page, "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">", LEFT - 6, at + 3.8);
    number(page, value, step);
    vg_buf_str(page, "</text>\n");
}

/* ---- pieces ---- */

static void open_figure(struct vg_report *r, const char *class, const char *title, int width,
                        int height)
{
    struct vg_buf *page = &r->page;

    r->figures++;
    vg_buf_printf(page, "<figure%s><figcaption>", class);
    vg_report_text(page, title);
    vg_buf_printf(page,
                  "</figcaption>\n<svg viewBox=\"0 0 %d %d\" role=\"img\" "
                  "aria-labelledby=\"figure-%u\"><title id=\"figure-%u\">",
                  width, height, r->figures, r->figures);
    vg_report_text(page, title);
    vg_buf_str(page, "</title>\n");
}

static void label(struct vg_buf *page, double x, double y, const char *turn, const char *text)
{
    vg_buf_printf(page, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\"%s>", x, y, turn);
    vg_report_text(page, text);
    vg_buf_str(page, "</text>\n");
}

static void line(struct vg_buf *page, const char *class, double x1, double y1, double x2, double y2)
{
    vg_buf_printf(page, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n",
                  class, x1, y1, x2, y2);
}

static void band(struct vg_buf *page, double x, double y, double width, double height)
{
    vg_buf_printf(page,
                  "<rect class=\"band\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
                  x, y, width, height);
}

/* ---- lines ---- */

static void series_path(struct vg_buf *page, const struct vg_report_series *s, size_t color,
                        const struct axis *x, const struct axis *y)
{
    const char *move = "M";

    vg_buf_printf(page, "<path class=\"line%s\" style=\"stroke:var(--s%zu)\" d=\"",
                  s->dashed ? " dash" : "", color);
    for (size_t i = 0; i < s->n; i++) {
        if (!isfinite(s->x[i]) || !isfinite(s->y[i])) {
            move = "M";
            continue;
        }
        vg_buf_printf(page, "%s%.1f %.1f", move, place(x, s->x[i]), place(y, s->y[i]));
        move = "L";
    }
    vg_buf_str(page, "\"/>\n");
}

static void series_points(struct vg_buf *page, const struct vg_report_series *s, size_t color,
                          const struct axis *x, const struct axis *y)
{
    for (size_t i = 0; i < s->n; i++)
        if (isfinite(s->x[i]) && isfinite(s->y[i]))
            vg_buf_printf(page,
                          "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" style=\"fill:var(--s%zu)\"/>\n",
                          place(x, s->x[i]), place(y, s->y[i]), color);
}

static void legend(struct vg_buf *page, const struct vg_report_plot *plot)
{
    vg_buf_str(page, "<ul class=\"legend\">");
    for (size_t s = 0; s < plot->n; s++) {
        vg_buf_printf(page,
                      "<li><svg viewBox=\"0 0 22 10\" aria-hidden=\"true\"><path class=\"line%s\" "
                      "style=\"stroke:var(--s%zu)\" d=\"M0 5L22 5\"/></svg>",
                      plot->series[s].dashed ? " dash" : "", s);
        vg_report_text(page, plot->series[s].name);
        vg_buf_str(page, "</li>");
    }
    vg_buf_str(page, "</ul>\n");
}

static struct axis axis_of(const struct vg_report_plot *plot, bool upwards)
{
    double low = upwards ? plot->y_min : plot->x_min, high = upwards ? plot->y_max : plot->x_max;
    struct axis a = { .low = low, .high = high, .at = LEFT, .size = WIDTH - LEFT - RIGHT };

    if (upwards) {
        a.at = HEIGHT - BOTTOM;
        a.size = -(HEIGHT - TOP - BOTTOM);
    }
    if (low < high)
        return a;
    a.low = a.high = (double)NAN;
    for (size_t s = 0; s < plot->n; s++)
        for (size_t i = 0; i < plot->series[s].n; i++)
            widen(&a, upwards ? plot->series[s].y[i] : plot->series[s].x[i]);
    if (upwards && plot->band) {
        widen(&a, plot->y_low);
        widen(&a, plot->y_high);
    }
    settle(&a);
    return a;
}

void vg_report_plots_begin(struct vg_report *r)
{
    vg_buf_str(&r->page, "<div class=\"plots\">\n");
}

void vg_report_plots_end(struct vg_report *r)
{
    vg_buf_str(&r->page, "</div>\n");
}

void vg_report_plot(struct vg_report *r, const struct vg_report_plot *plot)
{
    struct axis x = axis_of(plot, false), y = axis_of(plot, true);
    struct vg_buf *page = &r->page;

    VG_CHECK(plot->n <= VG_REPORT_SERIES_MAX);
    open_figure(r, "", plot->title, WIDTH, HEIGHT);
    if (plot->band)
        band(page, LEFT, place(&y, plot->y_high), WIDTH - LEFT - RIGHT,
             place(&y, plot->y_low) - place(&y, plot->y_high));
    each_tick(page, &x, x_tick);
    each_tick(page, &y, y_tick);
    line(page, "axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    if (plot->diagonal)
        line(page, "diagonal", place(&x, x.low), place(&y, y.low), place(&x, x.high),
             place(&y, y.high));
    vg_buf_printf(page,
                  "<clipPath id=\"clip-%u\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
                  "</clipPath><g clip-path=\"url(#clip-%u)\">\n",
                  r->figures, LEFT - 4, TOP - 4, WIDTH - LEFT - RIGHT + 8,
                  HEIGHT - TOP - BOTTOM + 8, r->figures);
    for (size_t s = 0; s < plot->n; s++) {
        series_path(page, &plot->series[s], s, &x, &y);
        if (plot->series[s].points)
            series_points(page, &plot->series[s], s, &x, &y);
    }
    vg_buf_str(page, "</g>\n");
    label(page, (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 8, "", plot->x_label);
    label(page, -(TOP + HEIGHT - BOTTOM) / 2.0, 12, " transform=\"rotate(-90)\"", plot->y_label);
    vg_buf_str(page, "</svg>\n");
    if (plot->n > 1)
        legend(page, plot);
    vg_buf_str(page, "</figure>\n");
}

/* ---- bars ---- */

static void bar_row(struct vg_buf *page, const struct vg_report_bar *bar, double top,
                    const struct axis *x)
{
    double middle = top + BAR_ROW / 2.0, end = fmin(fmax(bar->value, x->low), x->high);

    vg_buf_printf(page, "<text class=\"name\" x=\"%d\" y=\"%.1f\" text-anchor=\"end\">",
                  BAR_LEFT - 8, middle + 4);
    vg_report_text(page, bar->name);
    vg_buf_str(page, "</text>\n");
    if (isnan(bar->value))
        return;
    if (x->low == 0) /* a bar that does not begin at 0 would show a wrong proportion */
        vg_buf_printf(page,
                      "<rect x=\"%d\" y=\"%.1f\" width=\"%.1f\" height=\"12\" rx=\"2\" "
                      "style=\"fill:var(--s0)\"/>\n",
                      BAR_LEFT, middle - 6, place(x, end) - BAR_LEFT);
    else
        vg_buf_printf(page,
                      "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4.5\" style=\"fill:var(--s0)\"/>\n",
                      place(x, end), middle);
    if (!isnan(bar->low) && !isnan(bar->high)) {
        double low = place(x, fmax(bar->low, x->low)), high = place(x, fmin(bar->high, x->high));

        line(page, "whisker", low, middle, high, middle);
        line(page, "whisker", low, middle - 4, low, middle + 4);
        line(page, "whisker", high, middle - 4, high, middle + 4);
    }
    vg_buf_printf(page, "<text class=\"name\" x=\"%d\" y=\"%.1f\">%.3f</text>\n",
                  BAR_WIDTH - BAR_RIGHT + 10, middle + 4, bar->value);
}

/** Marks of the scale under the bars; their height is the caller's, so it stands in the value. */
static void bar_scale(struct vg_buf *page, const struct axis *x, double bottom)
{
    double step = nice_step(x->high - x->low), first = ceil(x->low / step - 1e-9);

    for (int i = 0; (first + i) * step <= x->high + step * 1e-9; i++) {
        double value = (first + i) * step, at = place(x, value);

        line(page, "grid", at, 0, at, bottom);
        vg_buf_printf(page, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">", at, bottom + 14);
        number(page, value, step);
        vg_buf_str(page, "</text>\n");
    }
}

void vg_report_bars(struct vg_report *r, const struct vg_report_bars *bars)
{
    struct axis x = { bars->x_min, bars->x_max, BAR_LEFT, BAR_WIDTH - BAR_LEFT - BAR_RIGHT };
    int bottom = (int)bars->n * BAR_ROW + 4;
    struct vg_buf *page = &r->page;

    VG_CHECK(bars->x_min < bars->x_max);
    open_figure(r, " class=\"wide\"", bars->title, BAR_WIDTH, bottom + BAR_BOTTOM);
    if (bars->wanted_low < bars->wanted_high)
        band(page, place(&x, bars->wanted_low), 0,
             place(&x, bars->wanted_high) - place(&x, bars->wanted_low), bottom);
    bar_scale(page, &x, bottom);
    for (size_t i = 0; i < bars->n; i++)
        bar_row(page, &bars->bar[i], 2 + (double)i * BAR_ROW, &x);
    label(page, (BAR_LEFT + BAR_WIDTH - BAR_RIGHT) / 2.0, bottom + 32, "", bars->x_label);
    vg_buf_str(page, "</svg>\n</figure>\n");
}
