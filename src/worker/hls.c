#include "worker/hls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/own.h"

#define SECONDS_MAX 86400

const char *worker_hls_content_type(const char *name)
{
	static const struct {
		const char *end, *type;
	} types[] = { { ".m3u8", HLS_CONTENT_TYPE },
		      { ".ts", "video/mp2t" },
		      { ".m4s", "video/iso.segment" },
		      { ".mp4", "video/mp4" } };
	size_t len = strlen(name);

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		size_t n = strlen(types[i].end);

		if (len > n && strcmp(name + len - n, types[i].end) == 0)
			return types[i].type;
	}
	return "application/octet-stream";
}

static int segment(const char *folder, const char *name, double seconds, struct hls_playlist *p,
		   struct err *e)
{
	AUTO(own_freep) char *path = own_printf("%s/%s", folder, name);
	struct stat st;
	int64_t rate;

	if (strchr(name, '/') || name[0] == '.')
		return err_set(e, ERR_POLICY, "the playlist names a file elsewhere");
	if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size == 0)
		return err_set(e, ERR_POLICY, "the playlist names a segment that is not there");
	rate = (int64_t)((double)st.st_size * 8 / seconds);
	p->peak = rate > p->peak ? rate : p->peak;
	p->bytes += st.st_size;
	p->segments++;
	return 0;
}

int worker_hls_check(const char *folder, struct hls_playlist *ret, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(HLS_PLAYLIST_BYTES_MAX);
	AUTO(own_freep) char *path = own_printf("%s/" HLS_PLAYLIST, folder);
	double seconds = 0, all = 0;
	bool ended = false;
	char *rest, *line;

	*ret = (struct hls_playlist){ 0 };
	if (buf_read_file(&text, path, e) < 0)
		return -1;
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, "#EXTINF:", 8) == 0)
			seconds = strtod(line + 8, NULL);
		ended |= strcmp(line, "#EXT-X-ENDLIST") == 0;
		if (*line == '#')
			continue;
		if (!(seconds > 0) || seconds > SECONDS_MAX)
			return err_set(e, ERR_POLICY, "the playlist has a segment of no length");
		if (segment(folder, line, seconds, ret, e) < 0)
			return -1;
		all += seconds;
		seconds = 0;
	}
	if (!ended || ret->segments == 0)
		return err_set(e, ERR_POLICY, "the playlist of the output has no end");
	ret->duration = span_ms((int64_t)(all * 1000 + 0.5));
	ret->mean = (int64_t)((double)ret->bytes * 8 / all);
	return 0;
}

void worker_hls_codecs(const char *video, bool aac, char out[static HLS_CODECS_MAX])
{
	snprintf(out, HLS_CODECS_MAX, "%.30s%s", video, aac ? ",mp4a.40.2" : "");
}

void worker_hls_master(const struct hls_variant *list, size_t n, struct buf *out)
{
	buf_adds(out, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	for (size_t i = 0; i < n; i++) {
		const struct hls_variant *v = &list[i];

		buf_addf(out,
			 "#EXT-X-STREAM-INF:BANDWIDTH=%lld,AVERAGE-BANDWIDTH=%lld,RESOLUTION="
			 "%lldx%lld",
			 (long long)v->peak, (long long)v->mean, (long long)v->width,
			 (long long)v->height);
		if (*v->codecs)
			buf_addf(out, ",CODECS=\"%s\"", v->codecs);
		buf_addf(out, "\n%s/" HLS_PLAYLIST "\n", v->name);
	}
}
