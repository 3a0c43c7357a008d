#include "base/own.h"
#include "worker/selftest.h"

#define HLS "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n"
#define HLS_END "\n#EXT-X-ENDLIST\n"
#define QUIET "ffmpeg", "-nostdin", "-v", "error"
#define MEBIBYTE (1ll << 20)

const struct attack worker_selftest_corpus[] = {
	{ "HLS to a file", .format = "hls", .source = HLS "#EXTINF:9,\nfile://%f" HLS_END },
	{ "HLS to a file beside it", .format = "hls",
	  .source = HLS "#EXTINF:9,\n../outside/canary.ts" HLS_END },
	{ "HLS to a URL", .format = "hls",
	  .source = HLS "#EXTINF:9,\nhttp://127.0.0.1:%p/a.ts" HLS_END },
	{ "HLS with a key at a URL", .format = "hls",
	  .source = HLS "#EXT-X-KEY:METHOD=AES-128,URI=\"http://127.0.0.1:%p/k\"\n"
			"#EXTINF:9,\nfile://%f" HLS_END },
	{ "HLS of playlists at a URL", .format = "hls",
	  .source = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://127.0.0.1:%p/b.m3u8\n" },
	{ "ffconcat to a file", .format = "concat", .source = "ffconcat version 1.0\nfile %f\n" },
	{ "ffconcat to a file beside it", .format = "concat",
	  .source = "ffconcat version 1.0\nfile ../outside/canary.ts\n" },
	{ "ffconcat to a URL", .format = "concat",
	  .source = "ffconcat version 1.0\nfile http://127.0.0.1:%p/a.ts\n" },
	{ "DASH to a URL", .format = "dash",
	  .source = "<?xml version=\"1.0\"?><MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\""
		    " type=\"static\" mediaPresentationDuration=\"PT9S\""
		    " profiles=\"urn:mpeg:dash:profile:isoff-main:2011\"><Period>"
		    "<AdaptationSet mimeType=\"video/mp4\"><Representation id=\"1\""
		    " bandwidth=\"1\" codecs=\"avc1.42c00d\"><BaseURL>http://127.0.0.1:%p/"
		    "</BaseURL><SegmentList duration=\"9\"><SegmentURL media=\"x.mp4\"/>"
		    "</SegmentList></Representation></AdaptationSet></Period></MPD>" },
	{ "SDP to a port", .format = "sdp",
	  .source = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
		    "m=video %p RTP/AVP 96\na=rtpmap:96 H264/90000\n" },
	{ "HLS to a file beside an asset", .assets = true, .format = "hls",
	  .source = HLS "#EXTINF:9,\nfile://%f" HLS_END },
	{ "a link to a file outside", .link = true },
	{ "pictures of 4,290 million pixels", .huge = true },
	{ "ffmpeg reads a file outside",
	  .argv = { QUIET, "-i", "file:%f", "-c", "copy", "-f", "mpegts", "-y", "file:out/x" } },
	{ "ffmpeg reads another process's environment",
	  .argv = { QUIET, "-f", "data", "-i", "file:/proc/%i/environ", "-map", "0", "-c", "copy",
		    "-f", "data", "-y", "file:out/x" } },
	{ "ffmpeg reads /etc/passwd",
	  .argv = { QUIET, "-f", "data", "-i", "file:/etc/passwd", "-map", "0", "-c", "copy", "-f",
		    "data", "-y", "file:out/x" } },
	{ "ffmpeg writes over a file outside",
	  .argv = { QUIET, "-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-f", "rawvideo",
		    "-y", "file:%f" } },
	{ "ffmpeg makes a file outside",
	  .argv = { QUIET, "-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-f", "rawvideo",
		    "-y", "file:%d/planted" } },
	{ "ffmpeg reads a file beside an asset", .assets = true,
	  .argv = { QUIET, "-i", "file:%a", "-i", "file:%f", "-map", "1", "-c", "copy", "-f",
		    "mpegts", "-y", "file:out/x" } },
	{ "ffmpeg writes over an asset", .assets = true,
	  .argv = { QUIET, "-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-f", "rawvideo",
		    "-y", "file:%a" } },
	{ "of two outputs ffmpeg makes one outside", .assets = true,
	  .argv = { QUIET, "-i", "file:%a", "-c", "copy", "-f", "mpegts", "-y", "file:out/y", "-c",
		    "copy", "-f", "mpegts", "-y", "file:%d/planted" } },
	{ "ffmpeg connects", .argv = { QUIET, "-f", "lavfi", "-i", "color=s=64x64", "-frames:v",
				       "1", "-f", "rawvideo", "-y", "tcp://127.0.0.1:%p" } },
	{ "ffmpeg sends datagrams",
	  .argv = { QUIET, "-f", "lavfi", "-i", "color=s=64x64", "-frames:v", "1", "-f", "rawvideo",
		    "-y", "udp://127.0.0.1:%p" } },
	{ "output without end", .file_bytes = MEBIBYTE,
	  .argv = { QUIET, "-f", "lavfi", "-i", "color=s=640x360", "-f", "rawvideo", "-y",
		    "file:out/x" } },
	{ "input without end", .cpu_s = 1,
	  .argv = { QUIET, "-f", "lavfi", "-i", "testsrc2=s=640x360", "-f", "null", "-" } },
	{ "memory without end", .memory_bytes = 256 * MEBIBYTE,
	  .argv = { QUIET, "-f", "lavfi", "-i", "testsrc2=s=4096x4096", "-vf", "reverse", "-f",
		    "null", "-" } },
};
const size_t worker_selftest_corpus_count = COUNT_OF(worker_selftest_corpus);
