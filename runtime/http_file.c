/* http_file.c - files that anybody may have: a page for a browser, which holds no data.
 *
 * They are compressed once, when the server starts, and asked for again by their tag: an update of
 * Vigil is seen at the next visit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>
#define ZLIB_CONST /* it reads what it is given */
#include <zlib.h>

#include "runtime/http_private.h"

static const char *type_of(const char *path)
{
    static const struct {
        const char *end, *type;
    } types[] = {
        { ".html", "text/html; charset=utf-8" },
        { ".js", "text/javascript; charset=utf-8" },
        { ".css", "text/css; charset=utf-8" },
        { ".json", "application/json" },
        { ".webmanifest", "application/manifest+json" },
        { ".svg", "image/svg+xml" },
        { ".png", "image/png" },
        { ".woff2", "font/woff2" },
    };
    const char *end = strrchr(path, '.');

    for (size_t i = 0; end && i < VG_ARRAY_LEN(types); i++) {
        if (strcmp(types[i].end, end) == 0)
            return types[i].type;
    }
    return "text/plain; charset=utf-8";
}

static void make_tag(const struct vg_http_file *f, char ret[40])
{
    uint8_t digest[16];
    char text[sizeof(digest) * 2 + 1];

    VG_CHECK(sodium_init() >= 0);
    crypto_generichash(digest, sizeof(digest), f->bytes, f->size, NULL, 0);
    sodium_bin2hex(text, sizeof(text), digest, sizeof(digest));
    snprintf(ret, 40, "W/\"%s\"", text);
}

/* Returns memory of the caller's; NULL when it would not be shorter. */
static void *compress_file(const struct vg_http_file *f, size_t *ret_size)
{
    enum { GZIP = 15 + 16, MEMORY = 9 };
    z_stream z = { .next_in = f->bytes, .avail_in = (uInt)f->size };
    void *ret = malloc(f->size + 1);

    VG_CHECK(ret && deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, GZIP, MEMORY,
                                 Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_out = ret;
    z.avail_out = (uInt)f->size;
    if (deflate(&z, Z_FINISH) != Z_STREAM_END) {
        free(ret);
        ret = NULL;
    }
    *ret_size = z.total_out;
    deflateEnd(&z);
    return ret;
}

static struct MHD_Response *response(size_t size, const void *bytes,
                                     enum MHD_ResponseMemoryMode mode, const char *tag)
{
    const union {
        const void *in;
        void *out; /* which the library, for its other modes, wants to be writable */
    } b = { .in = bytes };
    struct MHD_Response *r = MHD_create_response_from_buffer(size, b.out, mode);

    VG_CHECK(r);
    vg_http_harden(r);
    MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, tag);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
    MHD_add_response_header(r, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    return r;
}

static void make_file(const struct vg_http_file *f, struct vg_http_file_ready *ret)
{
    size_t size = 0;
    void *packed = compress_file(f, &size);

    ret->path = f->path;
    make_tag(f, ret->tag);
    ret->unchanged = response(0, "", MHD_RESPMEM_PERSISTENT, ret->tag);
    ret->plain = response(f->size, f->bytes, MHD_RESPMEM_PERSISTENT, ret->tag);
    MHD_add_response_header(ret->plain, MHD_HTTP_HEADER_CONTENT_TYPE, type_of(f->path));
    if (!packed)
        return;
    ret->packed = response(size, packed, MHD_RESPMEM_MUST_FREE, ret->tag);
    MHD_add_response_header(ret->packed, MHD_HTTP_HEADER_CONTENT_TYPE, type_of(f->path));
    MHD_add_response_header(ret->packed, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
}

void vg_http_files_make(struct vg_http_files *ret, const struct vg_http_file *files)
{
    size_t n = 0;

    *ret = (struct vg_http_files){ 0 };
    while (files && files[n].path)
        n++;
    if (n == 0)
        return;
    ret->file = calloc(n, sizeof(*ret->file));
    VG_CHECK(ret->file);
    for (; ret->n < n; ret->n++)
        make_file(&files[ret->n], &ret->file[ret->n]);
}

void vg_http_files_free(struct vg_http_files *f)
{
    for (size_t i = 0; i < f->n; i++) {
        MHD_destroy_response(f->file[i].plain);
        MHD_destroy_response(f->file[i].unchanged);
        if (f->file[i].packed)
            MHD_destroy_response(f->file[i].packed);
    }
    free(f->file);
    *f = (struct vg_http_files){ 0 };
}

const struct vg_http_file_ready *vg_http_file_find(const struct vg_http_files *f, const char *path)
{
    const char *asked = strcmp(path, "/") == 0 ? "/index.html" : path;

    for (size_t i = 0; i < f->n; i++) {
        if (strcmp(f->file[i].path, asked) == 0)
            return &f->file[i];
    }
    return NULL;
}

/* Browsers name it plainly; who says anything about it that is not understood gets it unpacked. */
static bool takes_gzip(const char *accept)
{
    const char *gzip = accept ? strstr(accept, "gzip") : NULL;

    return gzip && (gzip[4] == '\0' || gzip[4] == ',');
}

enum MHD_Result vg_http_file_send(const struct vg_http_file_ready *f, struct MHD_Connection *c,
                                  unsigned *ret_status)
{
    const char *known =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    const char *accept =
        MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);

    *ret_status = MHD_HTTP_OK;
    if (known && (strcmp(known, "*") == 0 || strstr(known, f->tag + 2))) {
        *ret_status = MHD_HTTP_NOT_MODIFIED;
        return MHD_queue_response(c, *ret_status, f->unchanged);
    }
    return MHD_queue_response(c, *ret_status,
                              f->packed && takes_gzip(accept) ? f->packed : f->plain);
}
