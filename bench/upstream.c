/* The provider of the benchmark: one thread, HTTP/1.1 with keep-alive, fast enough never to be the bottleneck.
 *
 *     cc -O2 -o upstream upstream.c && ./upstream 9100
 *
 * The model's name in the request's body says what is answered, so that it survives a gateway that writes the body anew:
 *
 *     json-1024        200 with a completion of about that many bytes
 *     error-429        429, an empty account in OpenAI's words; error-429-anew: each time in other ones
 *     json-1024x50, error-429x50   the same after 50 ms
 *     stream-100x20    server-sent events: 100 chunks 20 ms apart, then a finish_reason and [DONE]
 *
 * Each chunk holds "t=<CLOCK_MONOTONIC in ns>", from which a client on the same machine tells how long it was under way.
 * Requests need a Content-Length. What it measures is told by others; it only answers.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 65536, EVENTS = 512, LARGEST = 1 << 20 };

typedef struct {
    char *bytes;
    size_t used, room;
} buffer;

typedef struct {
    int fd, is_dead, waits_to_write;
    buffer in, out;
    size_t out_sent;
    int chunks_left; /* of the stream under way */
    long json_size;  /* of an answer that waits; -1: an error; 0: none */
    int64_t gap, due;
    int place; /* in the heap of due streams; -1: not there */
} conn;

static int poller, clock_fd;
static int64_t clock_set;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -- buffers */

static void reserve(buffer *b, size_t more) {
    if (b->room - b->used >= more) return;
    while (b->room - b->used < more) b->room = b->room ? b->room * 2 : 2048;
    b->bytes = realloc(b->bytes, b->room);
    if (!b->bytes) abort();
}

static void put(buffer *b, const char *bytes, size_t n) {
    reserve(b, n);
    memcpy(b->bytes + b->used, bytes, n);
    b->used += n;
}

/* -- streams that are due, the earliest on top */

static conn **heap;
static int heap_used, heap_room;

static void heap_place(int i, conn *c) {
    heap[i] = c;
    c->place = i;
}

static void heap_up(int i, conn *c) {
    for (; i && heap[(i - 1) / 2]->due > c->due; i = (i - 1) / 2) heap_place(i, heap[(i - 1) / 2]);
    heap_place(i, c);
}

static void heap_down(int i, conn *c) {
    for (int child; (child = 2 * i + 1) < heap_used; i = child) {
        if (child + 1 < heap_used && heap[child + 1]->due < heap[child]->due) child++;
        if (heap[child]->due >= c->due) break;
        heap_place(i, heap[child]);
    }
    heap_place(i, c);
}

static void heap_add(conn *c) {
    if (heap_used == heap_room) heap = realloc(heap, sizeof *heap * (heap_room = heap_room ? heap_room * 2 : 1024));
    heap_up(heap_used++, c);
}

static void heap_remove(conn *c) {
    int i = c->place;
    if (i < 0) return;
    c->place = -1;
    conn *last = heap[--heap_used];
    if (last == c) return;
    if (i && heap[(i - 1) / 2]->due > last->due) heap_up(i, last);
    else heap_down(i, last);
}

/* -- connections */

static void end(conn *c) {
    if (c->is_dead) return;
    c->is_dead = 1; /* freed once the batch of events is through: some may still name it */
    heap_remove(c);
    close(c->fd);
}

static void flush(conn *c) {
    while (c->out_sent < c->out.used) {
        ssize_t n = send(c->fd, c->out.bytes + c->out_sent, c->out.used - c->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN) {
            end(c);
            return;
        }
        if (n < 0) break;
        c->out_sent += n;
    }
    int is_blocked = c->out_sent < c->out.used;
    if (!is_blocked) c->out_sent = c->out.used = 0;
    if (is_blocked != c->waits_to_write) {
        struct epoll_event e = {.events = EPOLLIN | (is_blocked ? EPOLLOUT : 0), .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
        c->waits_to_write = is_blocked;
    }
}

/* -- answers */

static void answer(conn *c, const char *status, const char *body, size_t n) {
    char head[256];
    put(&c->out, head,
        sprintf(head,
                "HTTP/1.1 %s\r\nContent-Type: application/json\r\nx-request-id: req_0000000001\r\n"
                "openai-processing-ms: 1\r\nContent-Length: %zu\r\n\r\n",
                status, n));
    put(&c->out, body, n);
}

static void answer_json(conn *c, long size) {
    static char body[LARGEST];
    static long made;
    static size_t n;
    if (size < 512) size = 512;
    if (size > LARGEST - 512) size = LARGEST - 512;
    if (made != size) {
        char *p = body;
        p += sprintf(p, "{\"id\":\"chatcmpl-0000000001\",\"object\":\"chat.completion\",\"created\":1700000000,"
                        "\"model\":\"bench\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"");
        for (long i = 0; i < size - 320; i++) *p++ = "a wise man once said that "[i % 26];
        p += sprintf(p, "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                        "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":100,\"total_tokens\":110}}");
        n = p - body;
        made = size;
    }
    answer(c, "200 OK", body, n);
}

static void chunk(conn *c, const char *bytes, size_t n) {
    char size[16];
    put(&c->out, size, sprintf(size, "%zx\r\n", n));
    put(&c->out, bytes, n);
    put(&c->out, "\r\n", 2);
}

static void answer_empty(conn *c, int is_anew);

static void answer_late(conn *c, long size, int wait_ms) {
    c->json_size = size;
    c->due = now() + (int64_t)wait_ms * 1000000;
    heap_add(c);
}

static void next_chunk(conn *c) {
    if (c->json_size) {
        if (c->json_size > 0) answer_json(c, c->json_size);
        else answer_empty(c, 0);
        c->json_size = 0;
        return;
    }
    static const char last[] =
        "data: {\"id\":\"chatcmpl-0000000001\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
        "\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n"
        "data: [DONE]\n\n";
    char event[512];
    int n = sprintf(event,
                    "data: {\"id\":\"chatcmpl-0000000001\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                    "\"model\":\"bench\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"t=%019lld \"},"
                    "\"logprobs\":null,\"finish_reason\":null}]}\n\n",
                    (long long)now());
    chunk(c, event, n);
    if (--c->chunks_left > 0) {
        c->due += c->gap;
        heap_add(c);
    } else {
        chunk(c, last, sizeof last - 1);
        put(&c->out, "0\r\n\r\n", 5);
    }
}

static void answer_stream(conn *c, int chunks, int gap_ms) {
    static const char head[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
        "x-request-id: req_0000000001\r\nTransfer-Encoding: chunked\r\n\r\n";
    put(&c->out, head, sizeof head - 1);
    c->chunks_left = chunks;
    c->gap = (int64_t)gap_ms * 1000000;
    c->due = now();
    next_chunk(c);
}

static void answer_empty(conn *c, int is_anew) {
    static unsigned calls;
    char body[512];
    int n = sprintf(body,
                    "{\"error\":{\"message\":\"You exceeded your current quota, please check your plan and billing details%s%.0u.\","
                    "\"type\":\"insufficient_quota\",\"param\":null,\"code\":\"insufficient_quota\"}}",
                    is_anew ? ", call " : "", is_anew ? ++calls : 0);
    answer(c, "429 Too Many Requests", body, n);
}

static void answer_to(conn *c, char *body, size_t n) {
    static const char unknown[] = "{\"error\":{\"message\":\"no such model\",\"code\":\"model_not_found\"}}";
    char model[64] = "";
    char *name = memmem(body, n < 512 ? n : 512, "\"model\"", 7);
    if (!name) name = memmem(body, n, "\"model\"", 7);
    if (name) sscanf(name + 7, "%*[ :\"]%63[^\"]", model);
    int chunks, gap_ms;
    long size;
    if (sscanf(model, "json-%ldx%d", &size, &gap_ms) == 2) answer_late(c, size, gap_ms);
    else if (sscanf(model, "error-429x%d", &gap_ms) == 1) answer_late(c, -1, gap_ms);
    else if (!strncmp(model, "json-", 5)) answer_json(c, atol(model + 5));
    else if (sscanf(model, "stream-%dx%d", &chunks, &gap_ms) == 2) answer_stream(c, chunks, gap_ms);
    else if (!strncmp(model, "error-429", 9)) answer_empty(c, !strcmp(model + 9, "-anew"));
    else answer(c, "404 Not Found", unknown, sizeof unknown - 1);
}

/* -- requests */

static void take_requests(conn *c) {
    size_t at = 0;
    while (!c->is_dead && c->place < 0 && at < c->in.used) {
        char *head = c->in.bytes + at;
        char *head_end = memmem(head, c->in.used - at, "\r\n\r\n", 4);
        if (!head_end) break;
        *head_end = 0;
        char *length = strcasestr(head, "\r\ncontent-length:");
        size_t body = length ? strtoull(length + 17, NULL, 10) : 0;
        size_t whole = head_end + 4 - head + body;
        *head_end = '\r';
        if (c->in.used - at < whole) {
            reserve(&c->in, whole + 1);
            break;
        }
        answer_to(c, head_end + 4, body);
        at += whole;
    }
    memmove(c->in.bytes, c->in.bytes + at, c->in.used - at);
    c->in.used -= at;
    flush(c);
}

static void receive(conn *c) {
    for (;;) {
        reserve(&c->in, ROOM + 1);
        size_t room = c->in.room - c->in.used - 1;
        ssize_t n = recv(c->fd, c->in.bytes + c->in.used, room, 0);
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) {
            end(c);
            return;
        }
        c->in.used += n;
        c->in.bytes[c->in.used] = 0;
        if ((size_t)n < room) break;
    }
    take_requests(c);
}

static void accept_all(int listener) {
    int fd, yes = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        conn *c = calloc(1, sizeof *c);
        c->fd = fd;
        c->place = -1;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &e);
    }
}

/* -- time */

static void step_streams(conn **dead, int *dead_used) {
    int64_t t = now();
    while (heap_used && heap[0]->due <= t) {
        conn *c = heap[0];
        heap_remove(c);
        next_chunk(c);
        flush(c);
        if (c->is_dead && *dead_used < EVENTS * 2) dead[(*dead_used)++] = c;
        else if (c->place < 0 && c->in.used) take_requests(c);
    }
}

static void set_clock(void) {
    int64_t next = heap_used ? heap[0]->due : 0;
    if (next == clock_set) return;
    clock_set = next;
    struct itimerspec t = {.it_value = {next / 1000000000, next % 1000000000}};
    timerfd_settime(clock_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

int main(int argc, char **argv) {
    int port = argc > 1 ? atoi(argv[1]) : 9100, yes = 1;
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 4096)) {
        perror("upstream");
        return 1;
    }
    poller = epoll_create1(0);
    clock_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &e);
    e.data.ptr = &clock_fd;
    epoll_ctl(poller, EPOLL_CTL_ADD, clock_fd, &e);
    struct epoll_event events[EVENTS];
    conn *dead[EVENTS * 2];
    for (;;) {
        set_clock();
        int n = epoll_wait(poller, events, EVENTS, -1), dead_used = 0;
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            if (who == &listener) accept_all(listener);
            else if (who == &clock_fd) {
                uint64_t times;
                if (read(clock_fd, &times, sizeof times) < 0 && errno != EAGAIN) perror("upstream");
                clock_set = 0;
            } else {
                conn *c = who;
                if (!c->is_dead && events[i].events & EPOLLOUT) flush(c);
                if (!c->is_dead && events[i].events & ~EPOLLOUT) receive(c);
                if (c->is_dead) dead[dead_used++] = c;
            }
        }
        step_streams(dead, &dead_used);
        for (int i = 0; i < dead_used; i++) {
            free(dead[i]->in.bytes);
            free(dead[i]->out.bytes);
            free(dead[i]);
        }
    }
}
