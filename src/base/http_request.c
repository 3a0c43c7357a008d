/* How a request is put to curl, so that what goes out is what was given and no more. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/http_own.h"

#define URL_BYTES_MAX (64u << 10)
#define METHOD_BYTES_MAX 32
#define UPLOAD_BYTES_LEAST 16384L /* curl takes no less */
#define UPLOAD_BYTES 65536L

static bool is_token(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("!#$%&'*+-.^_`|~", *s))
			return false;
	}
	return true;
}

/* Spaces at its ends would be lost on the way, and a signature over them with it. */
static bool is_value(const char *s)
{
	size_t len = strlen(s);

	if (len > 0 && (strchr(" \t", s[0]) || strchr(" \t", s[len - 1])))
		return false;
	for (; *s; s++) {
		if ((unsigned char)*s < ' ' ? *s != '\t' : *s == 0x7f)
			return false;
	}
	return true;
}

/* Hosts that a proxy could not reach for us, or must not be asked for: the machine's own and
 * what the cloud offers to it alone (credentials). */
static bool is_near(const char *host)
{
	return strcasecmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
	       strncmp(host, "169.254.", 8) == 0 || strcmp(host, "::1") == 0 ||
	       strcasecmp(host, "fd00:ec2::254") == 0;
}

static bool env_names_proxy(bool tls)
{
	const char *const names[] = { "all_proxy", "ALL_PROXY", tls ? "https_proxy" : "http_proxy",
				      tls ? "HTTPS_PROXY"
					  : NULL }; /* as curl: HTTP_PROXY may come from CGI */
	const char *value;

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		value = names[i] ? getenv(names[i]) : NULL;
		if (value && *value)
			return true;
	}
	return false;
}

static int bad_url(struct err *e, const char *why)
{
	return err_set(e, ERR_POLICY, "this is no URL that can be called: %s", why);
}

/* Host and port of what stands between "://" and the path. */
static int split_authority(struct http_call *c, const char *at, size_t len, bool tls, struct err *e)
{
	const char *host = at, *end, *port;
	char *stop;
	long n = tls ? 443 : 80;

	if (*at == '[') {
		host = at + 1;
		end = memchr(host, ']', len - 1);
		if (!end || strspn(host, "0123456789abcdefABCDEF:.") != (size_t)(end - host))
			return bad_url(e, "its IPv6 address is not one");
		port = end + 1;
	} else {
		end = at + strcspn(at, ":/?#");
		for (const char *s = host; s < end; s++) {
			if (!isalnum((unsigned char)*s) && !strchr("-._", *s))
				return bad_url(e, "a character that no host has");
		}
		port = end;
	}
	if (host == end)
		return bad_url(e, "it names no host");
	if (port < at + len) {
		n = *port == ':' && isdigit((unsigned char)port[1]) ? strtol(port + 1, &stop, 10)
								    : 0;
		if (n < 1 || n > 65535 || stop != at + len)
			return bad_url(e, "its port is not a number from 1 to 65535");
	}
	c->host = own_strndup(host, (size_t)(end - host));
	c->port = (int)n;
	return 0;
}

static int set_url(struct http_call *c, const char *url, struct err *e)
{
	bool tls = strncasecmp(url, "https://", 8) == 0;
	const char *at = strstr(url, "://");
	size_t len;

	if (!tls && strncasecmp(url, "http://", 7) != 0)
		return bad_url(e, "it begins with neither http:// nor https://");
	if (strlen(url) > URL_BYTES_MAX)
		return bad_url(e, "it is longer than 64 KiB");
	for (const char *s = url; *s; s++) {
		if (!isgraph((unsigned char)*s) || *s == '#')
			return bad_url(e, "a character that has to be written as %xx");
	}
	at += 3;
	len = strcspn(at, "/?");
	if (memchr(at, '@', len))
		return bad_url(e, "it carries a user name");
	if (split_authority(c, at, len, tls, e) < 0)
		return -1;
	c->origin = own_strndup(url, (size_t)(at - url) + len);
	c->proxied = env_names_proxy(tls) && !is_near(c->host);
	curl_easy_setopt(c->easy, CURLOPT_URL, url);
	curl_easy_setopt(c->easy, CURLOPT_PATH_AS_IS, 1L);
	if (!c->proxied)
		curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	return 0;
}

static void add_line(struct http_call *c, const char *line)
{
	struct curl_slist *list = curl_slist_append(c->headers, line);

	if (list)
		c->headers = list;
}

/* 1: curl says it itself, 0: as given, -1. */
static int is_ours(const struct http_call *c, const struct http_header *h, struct err *e)
{
	char *end;

	if (!is_token(h->name))
		return err_set(e, ERR_POLICY, "a header has a name that is not allowed");
	if (!is_value(h->value))
		return err_set(
			e, ERR_POLICY,
			"header %s has a line break, control character or outer space in its value",
			h->name);
	if (strcasecmp(h->name, "Transfer-Encoding") == 0 || strcasecmp(h->name, "Expect") == 0)
		return err_set(e, ERR_POLICY, "header %s is not the caller's to set", h->name);
	if (strcasecmp(h->name, "Content-Length") != 0)
		return 0;
	if (!isdigit((unsigned char)*h->value) || strtoll(h->value, &end, 10) != c->body_size ||
	    *end)
		return err_set(e, ERR_POLICY,
			       "header Content-Length does not say the body's length");
	return 1;
}

/* A name and a colon alone keeps curl from adding a header of its own. */
static int set_headers(struct http_call *c, const struct http_request *q, struct err *e)
{
	bool accept = false, type = false;
	int ours;

	for (size_t i = 0; i < q->header_count; i++) {
		const struct http_header *h = &q->headers[i];
		char *line;

		ours = is_ours(c, h, e);
		if (ours < 0)
			return -1;
		if (ours)
			continue;
		line = *h->value ? own_printf("%s: %s", h->name, h->value)
				 : own_printf("%s;", h->name);
		add_line(c, line);
		own_wipe_str(line);
		accept = accept || strcasecmp(h->name, "Accept") == 0;
		type = type || strcasecmp(h->name, "Content-Type") == 0;
	}
	if (!type)
		add_line(c, "Content-Type:");
	if (!accept)
		add_line(c, "Accept:");
	add_line(c, q->expect_continue ? "Expect: 100-continue" : "Expect:");
	curl_easy_setopt(c->easy, CURLOPT_HTTPHEADER, c->headers);
	return 0;
}

static ssize_t read_body(struct http_call *c, char *out, size_t size)
{
	ssize_t n;

	if (c->body_fd < 0) {
		memcpy(out, c->body + c->body_at, size);
		return (ssize_t)size;
	}
	n = pread(c->body_fd, out, size, c->body_offset + c->body_at);
	if (n < 0)
		return err_errno(&c->err, errno, "sending a body to %s: reading it", c->origin);
	if (n == 0)
		return err_set(&c->err, ERR_LOCAL,
			       "sending a body to %s: its file ends after %lld of %lld bytes",
			       c->origin, (long long)c->body_at, (long long)c->body_size);
	return n;
}

static size_t body_wanted(char *out, size_t size, size_t count, void *arg)
{
	struct http_call *c = arg;
	size_t room = size * count;
	ssize_t n;

	if (room > (size_t)(c->body_size - c->body_at))
		room = (size_t)(c->body_size - c->body_at);
	if (room == 0)
		return 0;
	if (c->body_there) {
		int64_t there = c->body_there(c->body_arg) - c->body_at;

		c->body_waits = there <= 0;
		if (c->body_waits)
			return CURL_READFUNC_PAUSE;
		if (room > (size_t)there)
			room = (size_t)there;
	}
	n = read_body(c, out, room);
	if (n < 0)
		return CURL_READFUNC_ABORT;
	c->body_at += n;
	return (size_t)n;
}

void http_body_more(struct http_call *c)
{
	if (!c->body_waits)
		return;
	c->body_waits = false;
	curl_easy_pause(c->easy, CURLPAUSE_CONT);
}

/* curl sends a body again when a kept connection turns out to be closed. */
static int body_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_call *c = arg;

	if (origin != SEEK_SET || offset < 0 || offset > c->body_size ||
	    (c->once && c->body_at > 0))
		return CURL_SEEKFUNC_FAIL;
	c->body_at = offset;
	return CURL_SEEKFUNC_OK;
}

/* Said each time: a handle that is used again may have kept a smaller buffer. */
static void set_piece(struct http_call *c, size_t wanted)
{
	long piece = wanted ? (long)wanted : UPLOAD_BYTES;

	if (c->body_size < UPLOAD_BYTES_LEAST)
		piece = UPLOAD_BYTES_LEAST;
	curl_easy_setopt(c->easy, CURLOPT_UPLOAD_BUFFERSIZE, piece);
}

static void set_method(struct http_call *c, const struct http_request *q)
{
	const char *method = q->method;
	bool body = c->body_size > 0 || strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;

	if (c->once && c->body_size == 0)
		curl_easy_setopt(c->easy, CURLOPT_FRESH_CONNECT, 1L);
	if (body && strcmp(method, "POST") == 0 && c->body_fd < 0 && !c->once) {
		/* In one piece with the headers, and without a buffer of 64 KiB. */
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_size);
		curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body_size ? c->body : "");
		return;
	}
	if (body) {
		curl_easy_setopt(c->easy, CURLOPT_UPLOAD, 1L);
		set_piece(c, q->body_piece);
		curl_easy_setopt(c->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)c->body_size);
		curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, body_wanted);
		curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
		curl_easy_setopt(c->easy, CURLOPT_SEEKFUNCTION, body_seek);
		curl_easy_setopt(c->easy, CURLOPT_SEEKDATA, c);
	} else if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(c->easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (body || strcmp(method, "GET") != 0)
		curl_easy_setopt(c->easy, CURLOPT_CUSTOMREQUEST, method);
}

/* "5ed36f99.0" */
static bool is_hash_name(const char *name)
{
	return strspn(name, "0123456789abcdef") == 8 && name[8] == '.' && name[9] >= '0' &&
	       name[9] <= '9' && name[10] == '\0';
}

/* Whether curl's own folder of trusted certificates has them by hash, so that OpenSSL reads just
 * the one it needs. The bundle beside it would be read whole and kept: 3 MiB a client. */
static bool trust_is_hashed(void)
{
	static int known; /* 0: not looked yet, 1: yes, -1: no */
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);
	DIR *dir;
	struct dirent *entry;

	if (known != 0)
		return known > 0;
	known = -1;
	dir = v->age >= CURLVERSION_SEVENTH && v->capath ? opendir(v->capath) : NULL;
	if (!dir)
		return false;
	while (known < 0 && (entry = readdir(dir)))
		if (is_hash_name(entry->d_name))
			known = 1;
	closedir(dir);
	return known > 0;
}

/* Without the system's folder beside it: whoever names a file trusts that alone, and only then curl
 * keeps what it has read of it from one connection to the next. */
static void trust_only(struct http_call *c, const char *file)
{
	curl_easy_setopt(c->easy, CURLOPT_CAINFO, file);
	curl_easy_setopt(c->easy, CURLOPT_CAPATH, NULL);
}

static void set_limits(struct http_call *c, const struct http_request *q)
{
	long connect = q->connect_timeout.ms > 0 ? (long)q->connect_timeout.ms : 3000;

	curl_easy_setopt(c->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->detail);
	curl_easy_setopt(c->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(c->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(c->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(c->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(c->easy, CURLOPT_CONNECTTIMEOUT_MS, connect);
	if (q->stall_timeout.ms > 0) {
		curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(c->easy, CURLOPT_LOW_SPEED_TIME,
				 (long)((q->stall_timeout.ms + 999) / 1000));
	}
	if (q->reply_fd >= 0)
		curl_easy_setopt(c->easy, CURLOPT_BUFFERSIZE, HTTP_PIECE_MAX);
	if (q->ca_file)
		trust_only(c, q->ca_file);
	else if (trust_is_hashed())
		curl_easy_setopt(c->easy, CURLOPT_CAINFO, NULL);
}

int http_request_set(struct http_call *c, const struct http_request *q, struct err *e)
{
	if (!c->easy)
		return err_set(e, ERR_LOCAL, "calling: curl makes no handle");
	if (!q->method || !is_token(q->method) || strlen(q->method) > METHOD_BYTES_MAX)
		return err_set(e, ERR_POLICY, "the method of a request is not a word");
	if (!q->url || set_url(c, q->url, e) < 0)
		return -1;
	c->body = q->body;
	c->body_fd = q->body_fd;
	c->once = q->once;
	c->body_offset = q->body_offset;
	c->body_there = q->body_there;
	c->body_arg = q->body_arg;
	c->body_size = q->body_fd >= 0 ? q->body_size : (int64_t)q->body_len;
	if (c->body_size < 0 || c->body_offset < 0 || (q->body && q->body_fd >= 0))
		return err_set(e, ERR_POLICY, "calling %s: a body has one source and a length",
			       c->origin);
	if (set_headers(c, q, e) < 0)
		return err_wrap(e, "calling %s", c->origin);
	set_method(c, q);
	set_limits(c, q);
	return 0;
}

void http_request_done(struct http_call *c)
{
	for (struct curl_slist *i = c->headers; i; i = i->next)
		own_wipe(i->data, strlen(i->data)); /* tokens and signatures */
	curl_slist_free_all(c->headers);
	curl_slist_free_all(c->resolve);
	own_free(c->origin);
	own_free(c->host);
}
