/* bench_delivery.c - how long after its commit an event reaches subscribers, and what a bare hop takes.
 *
 *   bench_delivery PUBLISH CONTROL LOG SUBSCRIBERS RATE SECONDS
 *
 * Each subscriber is a thread with a client of its own, as its own program would have. The hop is a
 * PUB socket with as many SUB sockets, each in a thread and context of its own, which sends messages
 * of an event's size and rate: what ZeroMQ takes on this machine at this moment without Vigil.
 * Whoever feeds the pipeline does so in even seconds of the wall clock, and the hop sends in odd ones:
 * neither disturbs the other, and both meet the same machine. LOG is what the pipeline says with
 * VIGIL_LOG=debug: it tells when an event was on the disk.
 *
 * Lines: NAME COUNT P50 P99 MAX, in ms; "lost N": events that did not reach a subscriber.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

#include "bench/quantiles.h"
#include "client/vigil_client.h"
#include "core/clock.h"
#include "runtime/thread.h"

enum { SUBSCRIBERS_MAX = 200, WARM_S = 3, DRAIN_S = 2, HEADER = 48, EVENT = 1300 };

struct bench {
    const char *publish, *control, *log;
    long subscribers, rate, seconds;
    size_t n; /* events and messages that are held */
    int64_t warm_ns, end_ns;
    char hop[64]; /* endpoint */
    atomic_bool done;
};

/* What one thread received, by number. */
struct receiver {
    struct vg_thread thread;
    struct bench *b;
    int64_t *at_ns; /* [n] wall time; 0: not received */
};

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_delivery: %s: %s\n", what, why);
    exit(1);
}

static int64_t *times_new(size_t n)
{
    int64_t *times = calloc(n, sizeof(*times));

    if (!times)
        exit(71);
    return times;
}

/* ---- subscribers ---- */

static vg_status subscribe(void *arg, struct vg_thread *thread, struct vg_err *err)
{
    struct receiver *r = arg;
    struct vigil_endpoint pipeline = { .publish = r->b->publish,
                                       .control = r->b->control,
                                       .resume = true };
    struct vigil_options options = { .endpoints = &pipeline, .endpoints_n = 1 };
    struct vigil_client *c;
    struct vigil_item item;
    char why[256];

    (void)err;
    if (vigil_client_new(&options, &c, why, sizeof(why)) < 0)
        fail("subscriber", why);
    vg_thread_ready(thread);
    while (!atomic_load(&r->b->done)) {
        if (vigil_client_next(c, 100, &item) > 0 && item.type == VIGIL_EVENT &&
            item.event.seq < r->b->n)
            r->at_ns[item.event.seq] = vg_wall_ns();
    }
    vigil_client_free(c);
    return VG_OK;
}

/* ---- the hop ---- */

static vg_status receive_hop(void *arg, struct vg_thread *thread, struct vg_err *err)
{
    struct receiver *r = arg;
    void *zmq = zmq_ctx_new(), *sub = zmq_socket(zmq, ZMQ_SUB);
    int wait_ms = 100;
    char bytes[EVENT];

    (void)err;
    zmq_setsockopt(sub, ZMQ_RCVTIMEO, &wait_ms, sizeof(wait_ms));
    zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0);
    if (zmq_connect(sub, r->b->hop) != 0)
        fail(r->b->hop, zmq_strerror(zmq_errno()));
    vg_thread_ready(thread);
    while (!atomic_load(&r->b->done)) {
        size_t number;
        int n = zmq_recv(sub, bytes, sizeof(bytes), 0);

        if (n != EVENT) /* topic, header, or nothing for a while */
            continue;
        memcpy(&number, bytes, sizeof(number));
        r->at_ns[number] = vg_wall_ns();
    }
    zmq_close(sub);
    zmq_ctx_term(zmq);
    return VG_OK;
}

static void send_hop(void *pub, size_t number)
{
    static char header[HEADER], bytes[EVENT];

    memcpy(bytes, &number, sizeof(number));
    zmq_send(pub, "alert/1/none/", 13, ZMQ_SNDMORE);
    zmq_send(pub, header, sizeof(header), ZMQ_SNDMORE);
    zmq_send(pub, bytes, sizeof(bytes), 0);
}

/* Until the end; returns when each message was sent, 0 behind the last. */
static int64_t *send_hops(const struct bench *b, void *pub)
{
    int64_t *sent_ns = times_new(b->n);
    int64_t now_ns = vg_wall_ns(), due_ns = now_ns;

    for (size_t number = 0; number < b->n && now_ns < b->end_ns; now_ns = vg_wall_ns()) {
        if (now_ns / VG_NS_PER_S % 2 == 0 || now_ns < due_ns) {
            vg_thread_sleep(VG_NS_PER_MS / 10);
            continue;
        }
        due_ns = (due_ns < now_ns - VG_NS_PER_S / 10 ? now_ns : due_ns) + VG_NS_PER_S / b->rate;
        sent_ns[number] = vg_wall_ns();
        send_hop(pub, number++);
    }
    return sent_ns;
}

/* ---- the answer ---- */

/* When each event was on the disk, as the pipeline's log says. */
static int64_t *read_committed(const struct bench *b)
{
    static const char what[] = " debug commit: committed to ";
    int64_t *at_ns = times_new(b->n);
    FILE *in = fopen(b->log, "r");
    char line[512];
    size_t seq = 1;

    if (!in)
        fail(b->log, "cannot be read");
    while (fgets(line, sizeof(line), in)) {
        char *text = strstr(line, what), *rest;
        size_t last = text ? strtoul(text + sizeof(what) - 1, &rest, 10) : 0;

        for (; seq <= last && seq < b->n; seq++)
            at_ns[seq] = strtoll(rest + sizeof(" at ") - 1, NULL, 10);
    }
    fclose(in);
    return at_ns;
}

static void report(const struct bench *b, const char *name, const int64_t *from_ns,
                   const struct receiver *to)
{
    int64_t *took_ns = times_new(b->n * (size_t)b->subscribers);
    size_t n = 0, lost = 0;

    for (size_t i = 0; i < b->n; i++) {
        if (from_ns[i] < b->warm_ns || from_ns[i] >= b->end_ns)
            continue;
        for (long k = 0; k < b->subscribers; k++) {
            if (to[k].at_ns[i] != 0)
                took_ns[n++] = to[k].at_ns[i] - from_ns[i];
            else
                lost++;
        }
    }
    print_quantiles(name, took_ns, n);
    printf("lost_%s %zu\n", name, lost);
    free(took_ns);
}

static struct receiver *start(struct bench *b, const char *name,
                              vg_status (*body)(void *, struct vg_thread *, struct vg_err *))
{
    struct receiver *all = calloc((size_t)b->subscribers, sizeof(*all));
    struct vg_err err;

    if (!all)
        exit(71);
    for (long i = 0; i < b->subscribers; i++) {
        all[i].b = b;
        all[i].at_ns = times_new(b->n);
        if (vg_thread_start(&all[i].thread, name, body, &all[i], -1, &err) != VG_OK)
            fail("thread", err.msg);
    }
    return all;
}

static void stop(const struct bench *b, struct receiver *all)
{
    for (long i = 0; i < b->subscribers; i++)
        vg_thread_join(&all[i].thread);
}

static void done(const struct bench *b, struct receiver *all)
{
    for (long i = 0; i < b->subscribers; i++)
        free(all[i].at_ns);
    free(all);
}

static void parse(struct bench *b, char **argv)
{
    b->publish = argv[1];
    b->control = argv[2];
    b->log = argv[3];
    b->subscribers = strtol(argv[4], NULL, 10);
    b->rate = strtol(argv[5], NULL, 10);
    b->seconds = strtol(argv[6], NULL, 10);
    if (b->subscribers < 1 || b->subscribers > SUBSCRIBERS_MAX || b->rate < 1 || b->rate > 10000 ||
        b->seconds <= WARM_S || b->seconds > 600)
        fail("arguments", "expected 1 to 200 subscribers, 1 to 10000 events/s, 4 to 600 seconds");
    b->n = (size_t)(b->rate * (b->seconds + DRAIN_S) * 2);
    snprintf(b->hop, sizeof(b->hop), "ipc:///tmp/bench-hop-%ld", (long)getpid());
}

int main(int argc, char **argv)
{
    struct rlimit files;
    struct bench b = { 0 };
    struct receiver *subscribers, *hops;
    int64_t *sent_ns, *committed_ns;
    void *zmq, *pub;

    if (argc != 7) {
        fprintf(stderr, "usage: bench_delivery PUBLISH CONTROL LOG SUBSCRIBERS RATE SECONDS\n");
        return 2;
    }
    parse(&b, argv);
    /* A context has half a dozen. */
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    zmq = zmq_ctx_new();
    pub = zmq_socket(zmq, ZMQ_PUB);
    if (zmq_bind(pub, b.hop) != 0)
        fail(b.hop, zmq_strerror(zmq_errno()));
    subscribers = start(&b, "subscriber", subscribe);
    hops = start(&b, "hop", receive_hop);
    b.warm_ns = vg_wall_ns() + WARM_S * VG_NS_PER_S;
    b.end_ns = vg_wall_ns() + b.seconds * VG_NS_PER_S;
    sent_ns = send_hops(&b, pub);
    vg_thread_sleep(DRAIN_S * VG_NS_PER_S);
    atomic_store(&b.done, true);
    stop(&b, subscribers);
    stop(&b, hops);
    zmq_close(pub);
    zmq_ctx_term(zmq);
    committed_ns = read_committed(&b);
    report(&b, "hop", sent_ns, hops);
    report(&b, "event", committed_ns, subscribers);
    free(sent_ns);
    free(committed_ns);
    done(&b, subscribers);
    done(&b, hops);
    return 0;
}
