/* The clients of the benchmark: chat completions over N connections at once, one thread, one JSON object of results.
 *
 *     cc -O2 -o load load.c
 *     ./load -u http://127.0.0.1:8080/v1/chat/completions -m stream-100x20 -c 500 -d 5 -r 1
 *
 *     -m model   what the provider is to answer (upstream.c)     -b bytes    size of the prompt
 *     -c number  of connections                                  -r seconds  over which they are opened
 *     -d seconds for which requests are begun                    -n          all connections anew, all at once, once all are done
 *     -H header  one more, "name: value"                         -s status   that a good answer has (200)
 *
 * latency_us   request (of a new connection: its connect) to the answer's last byte; for streams, to their first chunk
 * delay_us     from the provider's writing a chunk to its arrival here
 * Whatever is under way when time is over is given up, and counted neither as done nor as failed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
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
#include <time.h>
#include <unistd.h>

enum { EVENTS = 512, HEAD_ROOM = 8192, LINE_ROOM = 1024, STAMP = 19 };
enum state { OFF, CONNECTING, SENDING, HEAD, LENGTH, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, UNTIL_CLOSE };

typedef struct {
    int fd, status, is_whole, closes, seen;
    enum state state;
    size_t sent, left, head_used, line_used;
    int64_t begun;
    char head[HEAD_ROOM], line[LINE_ROOM];
} conn;

typedef struct {
    uint32_t *values; /* tenths of a microsecond */
    size_t used, room;
} series;

static struct sockaddr_in address;
static char *request;
static size_t request_size;
static int poller, is_stream, in_bursts, good_status = 200, under_way;
static int64_t ends;
static series latency, delay;
static unsigned long done, failed_status, failed_connect, failed_cut;

static int64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* -- figures */

static void note(series *s, int64_t ns) {
    if (s->used == s->room) s->values = realloc(s->values, sizeof *s->values * (s->room = s->room ? s->room * 2 : 65536));
    s->values[s->used++] = ns < 0 ? 0 : ns / 100;
}

static int by_value(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void show(const char *name, series *s) {
    qsort(s->values, s->used, sizeof *s->values, by_value);
    double p50 = s->used ? s->values[(s->used - 1) / 2] / 10.0 : 0;
    double p99 = s->used ? s->values[(s->used - 1) * 99 / 100] / 10.0 : 0;
    printf(", \"%s\": {\"count\": %zu, \"p50\": %.1f, \"p99\": %.1f}", name, s->used, p50, p99);
}

/* -- one request after the other */

static void begin(conn *c);

static void drop(conn *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
    if (c->state != OFF) under_way--;
    c->state = OFF;
}

static void fail(conn *c, unsigned long *counter) {
    ++*counter;
    drop(c);
}

static void finish(conn *c) {
    if (c->status != good_status) failed_status++;
    else if (is_stream && good_status == 200 && !c->is_whole) failed_cut++;
    else {
        done++;
        if (!is_stream) note(&latency, now() - c->begun);
    }
    if (c->closes || in_bursts) drop(c);
    if (!in_bursts) begin(c);
}

static void send_request(conn *c) {
    c->state = SENDING;
    while (c->sent < request_size) {
        ssize_t n = send(c->fd, request + c->sent, request_size - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.ptr = c};
            epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
            return;
        }
        if (n < 0) {
            fail(c, &failed_connect);
            return;
        }
        c->sent += n;
    }
    c->state = HEAD;
}

static void begin(conn *c) {
    int64_t t = now();
    if (t >= ends) {
        drop(c);
        return;
    }
    if (c->state == OFF) under_way++;
    c->begun = t;
    c->sent = c->head_used = c->line_used = 0;
    c->status = c->is_whole = c->seen = 0;
    if (c->fd >= 0) {
        send_request(c);
        return;
    }
    int yes = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    c->state = CONNECTING;
    if (c->fd < 0) {
        fail(c, &failed_connect);
        return;
    }
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(c->fd, (void *)&address, sizeof address) && errno != EINPROGRESS) {
        fail(c, &failed_connect);
        return;
    }
    struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, c->fd, &e);
}

/* -- answers */

static void take_line(conn *c, const char *line, size_t n) {
    if (n < 6 || memcmp(line, "data: ", 6)) return;
    if (memmem(line, n, "[DONE]", 6)) {
        c->is_whole = 1;
        return;
    }
    int64_t t = now();
    if (!c->seen++) note(&latency, t - c->begun);
    const char *stamp = memmem(line, n, "\"t=", 3);
    if (stamp && stamp + 3 + STAMP <= line + n) note(&delay, t - strtoll(stamp + 3, NULL, 10));
}

static void take_body(conn *c, const char *bytes, size_t n) {
    while (is_stream && n) {
        const char *end = memchr(bytes, '\n', n);
        size_t part = end ? (size_t)(end - bytes) : n;
        if (end && !c->line_used) take_line(c, bytes, part);
        else {
            size_t fits = part < LINE_ROOM - c->line_used ? part : LINE_ROOM - c->line_used;
            memcpy(c->line + c->line_used, bytes, fits);
            c->line_used += fits;
            if (end) {
                take_line(c, c->line, c->line_used);
                c->line_used = 0;
            }
        }
        if (!end) return;
        bytes = end + 1;
        n -= part + 1;
    }
}

/* How many of the bytes belong to the head; its meaning once it is whole. */
static size_t take_head(conn *c, const char *bytes, size_t n) {
    size_t before = c->head_used, fits = n < HEAD_ROOM - 1 - before ? n : HEAD_ROOM - 1 - before;
    memcpy(c->head + before, bytes, fits);
    c->head_used += fits;
    c->head[c->head_used] = 0;
    char *end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        if (c->head_used == HEAD_ROOM - 1) fail(c, &failed_cut);
        return n;
    }
    end[2] = 0;
    c->status = atoi(c->head + 9);
    c->closes = strcasestr(c->head, "\r\nconnection: close") || !memcmp(c->head, "HTTP/1.0", 8);
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    size_t used = end + 4 - c->head - before;
    c->head_used = 0;
    if (strcasestr(c->head, "\r\ntransfer-encoding: chunked")) c->state = CHUNK_SIZE;
    else if (length) {
        c->left = strtoull(length + 17, NULL, 10);
        c->state = LENGTH;
        if (!c->left) finish(c);
    } else c->state = UNTIL_CLOSE;
    return used;
}

static void take(conn *c, const char *bytes, size_t n) {
    while (n && c->fd >= 0) {
        size_t used = 1;
        switch (c->state) {
        case HEAD: used = take_head(c, bytes, n); break;
        case LENGTH:
        case CHUNK:
            used = n < c->left ? n : c->left;
            take_body(c, bytes, used);
            c->left -= used;
            if (!c->left && c->state == CHUNK) c->state = CHUNK_END;
            else if (!c->left) finish(c);
            break;
        case CHUNK_SIZE:
            if (c->head_used < 32) c->head[c->head_used++] = *bytes;
            if (*bytes != '\n') break;
            c->head[c->head_used] = 0;
            c->head_used = 0;
            c->left = strtoull(c->head, NULL, 16);
            c->state = c->left ? CHUNK : TRAILER;
            break;
        case CHUNK_END:
            if (*bytes == '\n') c->state = CHUNK_SIZE;
            break;
        case TRAILER:
            if (*bytes == '\n') finish(c);
            break;
        case UNTIL_CLOSE:
            take_body(c, bytes, n);
            used = n;
            break;
        default: fail(c, &failed_cut); return; /* an answer that nobody asked for */
        }
        bytes += used;
        n -= used;
    }
}

static void on_event(conn *c, uint32_t events) {
    static char bytes[1 << 18];
    if (c->fd < 0) return;
    if (c->state == CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
            fail(c, &failed_connect);
            return;
        }
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
        send_request(c);
        return;
    }
    if (c->state == SENDING && events & EPOLLOUT) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &e);
        send_request(c);
    }
    if (c->fd < 0 || !(events & ~EPOLLOUT)) return;
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n > 0) take(c, bytes, n);
    else if (n == 0 && c->state == UNTIL_CLOSE) {
        c->closes = 1;
        finish(c);
    } else if (n == 0 || errno != EAGAIN) fail(c, &failed_cut);
}

/* -- the run */

static void compose(const char *url, const char *model, size_t prompt, const char *headers) {
    char host[64], path[512] = "/";
    int port = 80;
    if (sscanf(url, "http://%63[^:/]:%d%511s", host, &port, path) < 2) exit(2);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1) exit(2);
    char *body = malloc(prompt + 512);
    is_stream = !strncmp(model, "stream-", 7);
    size_t n = sprintf(body, "{\"model\":\"%s\",%s\"messages\":[{\"role\":\"user\",\"content\":\"", model,
                       is_stream ? "\"stream\":true," : "");
    for (size_t i = 0; i < prompt; i++) body[n++] = "a wise man once said that "[i % 26];
    n += sprintf(body + n, "\"}]}");
    request = malloc(n + strlen(headers) + 1024);
    request_size = sprintf(request,
                           "POST %s HTTP/1.1\r\nHost: %s:%d\r\nAuthorization: Bearer sk-bench\r\n"
                           "Content-Type: application/json\r\nAccept: %s\r\nUser-Agent: bench\r\n%sContent-Length: %zu\r\n\r\n",
                           path, host, port, is_stream ? "text/event-stream" : "application/json", headers, n);
    memcpy(request + request_size, body, n);
    request_size += n;
    free(body);
}

int main(int argc, char **argv) {
    const char *url = "http://127.0.0.1:9100/v1/chat/completions", *model = "json-1024";
    char headers[4096] = "";
    double seconds = 2, ramp = 0;
    int count = 1, option;
    size_t prompt = 800;
    while ((option = getopt(argc, argv, "u:m:b:c:d:r:nH:s:")) > 0) switch (option) {
        case 'u': url = optarg; break;
        case 'm': model = optarg; break;
        case 'b': prompt = strtoul(optarg, NULL, 10); break;
        case 'c': count = atoi(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'r': ramp = atof(optarg); break;
        case 'n': in_bursts = 1; break;
        case 's': good_status = atoi(optarg); break;
        case 'H':
            if (strlen(headers) + strlen(optarg) + 3 > sizeof headers) return 2;
            strcat(strcat(headers, optarg), "\r\n");
            break;
        default: return 2;
        }
    compose(url, model, prompt, headers);
    signal(SIGPIPE, SIG_IGN);
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    poller = epoll_create1(0);
    conn *conns = calloc(count, sizeof *conns);
    for (int i = 0; i < count; i++) conns[i].fd = -1;
    struct epoll_event events[EVENTS];
    int64_t begun = now(), t;
    ends = begun + (int64_t)(seconds * 1e9);
    int opened = 0, again = 0;
    while ((t = now()) < ends) {
        int due = ramp > 0 ? (int)((t - begun) / (ramp * 1e9) * count) + 1 : count;
        for (; opened < due && opened < count; opened++) begin(&conns[opened]);
        if (in_bursts && opened == count && !under_way)
            for (int i = 0; i < count; i++) begin(&conns[i]);
        else if (!in_bursts && opened == count) /* what failed tries again, one at a time */
            for (int i = 0; i < 8; i++, again = (again + 1) % count)
                if (conns[again].state == OFF) {
                    begin(&conns[again]);
                    break;
                }
        int n = epoll_wait(poller, events, EVENTS, opened < count ? 1 : 10);
        for (int i = 0; i < n; i++) on_event(events[i].data.ptr, events[i].events);
    }
    printf("{\"seconds\": %.3f, \"requests\": %lu, \"failed\": {\"status\": %lu, \"connect\": %lu, \"cut\": %lu}",
           (now() - begun) / 1e9, done, failed_status, failed_connect, failed_cut);
    show("latency_us", &latency);
    show("delay_us", &delay);
    printf("}\n");
    return 0;
}
