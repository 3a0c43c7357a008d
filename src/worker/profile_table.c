/* The profile's keys: what is read, by which bounds, and what the manual says of each. */
#include "base/own.h"
#include "worker/profile.h"

#define FIELD(type, field) .offset = offsetof(type, field)
#define GIVEN(type, field) .has_given = true, .given_offset = offsetof(type, field)
#define COUNTED(type, field, n) .offset = offsetof(type, field), .count_offset = offsetof(type, n)
#define TABLE(id, type, rows, text)                                \
	static const struct key_table id = { .name = #id,          \
					     .doc = text,          \
					     .size = sizeof(type), \
					     .keys = rows,         \
					     .count = COUNT_OF(rows) }

static const struct key input_keys[] = {
	{ "formats", KEY_STRS, COUNTED(struct profile_input, formats, format_count),
	  .most_items = 32,
	  .doc = "containers that are taken, by ffmpeg's names of their demuxers" },
	{ "max_megabytes", KEY_INT, FIELD(struct profile_input, max_megabytes), .least = 1,
	  .most = 5242880, .init = "4096", .unit = "MiB", .doc = "a larger source is parked" },
	{ "max_duration", KEY_SPAN, FIELD(struct profile_input, max_duration), .least = 1000,
	  .most = 86400000, .init = "4h", .doc = "a longer source is parked" },
	{ "max_pixels", KEY_INT, FIELD(struct profile_input, max_pixels), .least = 1,
	  .most = 268435456, .init = "35389440", .unit = "pixels",
	  .doc = "a source with more in a picture is parked" },
	{ "max_streams", KEY_INT, FIELD(struct profile_input, max_streams), .least = 1,
	  .most = 1000, .init = "32", .doc = "a source with more streams is parked" },
};
TABLE(input_table, struct profile_input, input_keys, "What is taken.");

static const struct key asset_keys[] = {
	{ "name", KEY_STR, FIELD(struct profile_asset, name), .required = true,
	  .doc = "by which steps name it" },
	{ "file", KEY_STR, FIELD(struct profile_asset, file),
	  .doc = "on the worker's disk, an absolute path; or" },
	{ "s3", KEY_STR, FIELD(struct profile_asset, s3),
	  .doc = "an object, s3://bucket/key: fetched when it is new, kept between jobs" },
};
TABLE(asset_table, struct profile_asset, asset_keys, "A file beside the source.");

static const struct key trim_keys[] = {
	{ "from", KEY_SPAN, FIELD(struct profile_trim, from), .least = 0, .most = 86400000,
	  .init = "0s", .doc = "where the output begins in the source" },
	{ "to", KEY_SPAN, FIELD(struct profile_trim, to), .least = 100, .most = 86400000,
	  .required = true, .doc = "where it ends at the latest" },
};
TABLE(trim_table, struct profile_trim, trim_keys, "Keep a part of the source.");

static const struct key crop_keys[] = {
	{ "width", KEY_INT, FIELD(struct profile_crop, width), .least = 16, .most = 16384,
	  .required = true, .unit = "pixels", .doc = "even" },
	{ "height", KEY_INT, FIELD(struct profile_crop, height), .least = 16, .most = 16384,
	  .required = true, .unit = "pixels", .doc = "even" },
	{ "x", KEY_INT, FIELD(struct profile_crop, x), .least = 0, .most = 16384, .also = "middle",
	  .init = "middle", .unit = "pixels", .doc = "from the left" },
	{ "y", KEY_INT, FIELD(struct profile_crop, y), .least = 0, .most = 16384, .also = "middle",
	  .init = "middle", .unit = "pixels", .doc = "from the top" },
};
TABLE(crop_table, struct profile_crop, crop_keys,
      "Keep a part of the picture; a source that is smaller is parked.");

static const struct key fit_keys[] = {
	{ "width", KEY_INT, FIELD(struct profile_fit, width), .least = 16, .most = 16384,
	  .required = true, .unit = "pixels", .doc = "even" },
	{ "height", KEY_INT, FIELD(struct profile_fit, height), .least = 16, .most = 16384,
	  .required = true, .unit = "pixels", .doc = "even" },
	{ "mode", KEY_CHOICE, FIELD(struct profile_fit, mode), .choices = "pad|fill|inside|stretch",
	  .init = "pad",
	  .doc = "pad: all of the picture, with bars; fill: no bars, what stands over is cut; "
		 "inside: no bars, as large as fits; stretch: the shape is not kept" },
	{ "color", KEY_STR, FIELD(struct profile_fit, color), .init = "black",
	  .doc = "of the bars" },
};
TABLE(fit_table, struct profile_fit, fit_keys, "Scale to width x height.");

static const struct key rate_keys[] = {
	{ "fps", KEY_MILLI, FIELD(struct profile_rate, fps_milli), .least = 1000, .most = 240000,
	  .required = true, .unit = "pictures a second", .doc = "the output's, constant" },
};
TABLE(rate_table, struct profile_rate, rate_keys,
      "Pictures a second. Without this step a constant rate stays as it is, and a variable one "
      "becomes the usual rate that is next above its mean.");

static const struct key watermark_keys[] = {
	{ "image", KEY_STR, FIELD(struct profile_watermark, image), .required = true,
	  .doc = "name of an asset: a PNG, JPEG or WebP" },
	{ "corner", KEY_CHOICE, FIELD(struct profile_watermark, corner),
	  .choices = "top_right|top_left|bottom_right|bottom_left|center", .init = "top_right",
	  .doc = "where it stands" },
	{ "margin", KEY_INT, FIELD(struct profile_watermark, margin), .least = 0, .most = 4096,
	  .init = "24", .unit = "pixels", .doc = "between it and the edges" },
	{ "width", KEY_PERCENT, FIELD(struct profile_watermark, width), .least = 10, .most = 1000,
	  .init = "12%", .doc = "its width, as a part of the picture's" },
	{ "opacity", KEY_PERCENT, FIELD(struct profile_watermark, opacity), .least = 10,
	  .most = 1000, .init = "100%", .doc = "how much it covers" },
};
TABLE(watermark_table, struct profile_watermark, watermark_keys, "An image over the picture.");

static const struct key clip_keys[] = {
	{ "clip", KEY_STR, FIELD(struct profile_clip, clip), .required = true,
	  .doc = "name of an asset: a video of any size and rate, with or without sound" },
};
TABLE(clip_table, struct profile_clip, clip_keys,
      "A clip before or after; it is made to fit the size that the picture has at this step.");

static const struct key loudness_keys[] = {
	{ "target", KEY_MILLI, FIELD(struct profile_loudness, target_milli), .least = -70000,
	  .most = -5000, .init = "-16", .unit = "LUFS", .doc = "of the whole, by EBU R128" },
};
TABLE(loudness_table, struct profile_loudness, loudness_keys, "Even the sound out.");

static const struct key step_keys[] = {
	{ "trim", KEY_MAP, FIELD(struct profile_step, trim), GIVEN(struct profile_step, has_trim),
	  .sub = &trim_table, .doc = "keep a part of the source" },
	{ "crop", KEY_MAP, FIELD(struct profile_step, crop), GIVEN(struct profile_step, has_crop),
	  .sub = &crop_table, .doc = "keep a part of the picture" },
	{ "fit", KEY_MAP, FIELD(struct profile_step, fit), GIVEN(struct profile_step, has_fit),
	  .sub = &fit_table, .doc = "scale, and pad or cut, to a size" },
	{ "rate", KEY_MAP, FIELD(struct profile_step, rate), GIVEN(struct profile_step, has_rate),
	  .sub = &rate_table, .doc = "pictures a second" },
	{ "watermark", KEY_MAP, FIELD(struct profile_step, watermark),
	  GIVEN(struct profile_step, has_watermark), .sub = &watermark_table,
	  .doc = "an image over the picture" },
	{ "intro", KEY_MAP, FIELD(struct profile_step, intro),
	  GIVEN(struct profile_step, has_intro), .sub = &clip_table, .doc = "a clip before" },
	{ "outro", KEY_MAP, FIELD(struct profile_step, outro),
	  GIVEN(struct profile_step, has_outro), .sub = &clip_table, .doc = "a clip after" },
	{ "loudness", KEY_MAP, FIELD(struct profile_step, loudness),
	  GIVEN(struct profile_step, has_loudness), .sub = &loudness_table,
	  .doc = "even the sound out" },
};
TABLE(step_table, struct profile_step, step_keys, "One step, named by its key.");

#define CODECS "h264|h265|vp9|av1"
#define PRESETS "ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow"
#define PIXEL_FORMATS "yuv420p|yuv420p10le"
static const struct key video_keys[] = {
	{ "codec", KEY_CHOICE, FIELD(struct profile_video, codec), .choices = CODECS,
	  .init = "h264", .doc = "how pictures are coded" },
	{ "crf", KEY_INT, FIELD(struct profile_video, crf), .least = 0, .most = 63, .init = "23",
	  .doc = "constant rate factor: lower is better and larger; h264 and h265 end at 51" },
	{ "preset", KEY_CHOICE, FIELD(struct profile_video, preset), .choices = PRESETS,
	  .init = "veryfast", .doc = "slower makes smaller files" },
	{ "pixel_format", KEY_CHOICE, FIELD(struct profile_video, pixel_format),
	  .choices = PIXEL_FORMATS, .init = "yuv420p",
	  .doc = "yuv420p is what every player shows" },
	{ "width", KEY_INT, FIELD(struct profile_video, width), .least = 0, .most = 16384,
	  .init = "0", .unit = "pixels",
	  .doc = "of this output; 0: by its height, or as the steps leave it" },
	{ "height", KEY_INT, FIELD(struct profile_video, height), .least = 0, .most = 16384,
	  .init = "0", .unit = "pixels",
	  .doc = "of this output; 0: by its width, or as the steps leave it" },
	{ "max_kilobits", KEY_INT, FIELD(struct profile_video, max_kilobits), .least = 0,
	  .most = 1000000, .init = "0", .unit = "kbit/s",
	  .doc = "crf takes no more, over two seconds; 0: as many as it wants" },
	{ "copy_kilobits", KEY_INT, FIELD(struct profile_video, copy_kilobits), .least = 0,
	  .most = 1000000, .init = "0", .unit = "kbit/s",
	  .doc = "a source that is as this output is to be already, and takes no more, is copied "
		 "and not coded again; 0: none is" },
	{ "keyframes", KEY_SPAN, FIELD(struct profile_video, keyframes), .least = 0, .most = 60000,
	  .init = "0s",
	  .doc = "at most so far apart; 0: as the encoder likes, in HLS one a segment" },
};
TABLE(video_table, struct profile_video, video_keys, "The picture.");

static const struct key rendition_keys[] = {
	{ "name", KEY_STR, FIELD(struct profile_rendition, name), .required = true,
	  .doc = "of its folder: 720p" },
	{ "video", KEY_MAP, FIELD(struct profile_rendition, video), .sub = &video_table,
	  .required = true, .doc = "its picture" },
};
TABLE(rendition_table, struct profile_rendition, rendition_keys, "One quality of an HLS output.");

static const struct key output_keys[] = {
	{ "name", KEY_STR, FIELD(struct profile_output, name), .required = true,
	  .doc = "for logs and events" },
	{ "key", KEY_STR, FIELD(struct profile_output, key), .required = true,
	  .doc = "of the object, with {video_id}, {task_id}, {message_id}, {digest} (of source, "
		 "its ETag and the profile) and, of several pictures, {number}; of HLS, of its "
		 "master playlist, in a folder of its own; of a command, with {file}" },
	{ "bucket", KEY_STR, FIELD(struct profile_output, bucket),
	  .doc = "where it is stored; default: the source's. A command's output needs one" },
	{ "container", KEY_CHOICE, FIELD(struct profile_output, container),
	  .choices = "mp4|webm|mkv|hls|jpeg|png", .init = "mp4",
	  .doc = "kind of file; hls: segments and playlists; jpeg and png: pictures" },
	{ "faststart", KEY_BOOL, FIELD(struct profile_output, faststart), .init = "true",
	  .doc = "an MP4 plays while it loads" },
	{ "audio", KEY_CHOICE, FIELD(struct profile_output, audio), .choices = "none|aac|opus",
	  .init = "none", .doc = "what becomes of the sound" },
	{ "audio_kilobits", KEY_INT, FIELD(struct profile_output, audio_kilobits), .least = 16,
	  .most = 512, .init = "128", .unit = "kbit/s", .doc = "of the sound" },
	{ "video", KEY_MAP, FIELD(struct profile_output, video),
	  GIVEN(struct profile_output, has_video), .sub = &video_table, .doc = "the picture" },
	{ "renditions", KEY_LIST, COUNTED(struct profile_output, renditions, rendition_count),
	  .sub = &rendition_table, .most_items = PROFILE_RENDITIONS_MAX,
	  .doc = "the qualities of an HLS output" },
	{ "segment", KEY_SPAN, FIELD(struct profile_output, segment), .least = 1000, .most = 60000,
	  .init = "6s", .doc = "of an HLS output" },
	{ "at", KEY_SPAN, FIELD(struct profile_output, at), GIVEN(struct profile_output, has_at),
	  .least = 0, .most = 86400000,
	  .doc = "one picture, from there; of a shorter video from its middle" },
	{ "every", KEY_SPAN, FIELD(struct profile_output, every),
	  GIVEN(struct profile_output, has_every), .least = 100, .most = 86400000,
	  .doc = "a picture each so long, from the beginning on" },
	{ "width", KEY_INT, FIELD(struct profile_output, width), .least = 0, .most = 16384,
	  .init = "0", .unit = "pixels", .doc = "of pictures; 0: as the steps leave them" },
	{ "file", KEY_STR, FIELD(struct profile_output, file),
	  .doc = "of a command: what it leaves in its folder out, a name or a pattern (*.json)" },
	{ "type", KEY_STR, FIELD(struct profile_output, type), .init = "application/octet-stream",
	  .doc = "of a command: the kind of its content" },
};
TABLE(output_table, struct profile_output, output_keys, "What is made and stored.");

static const struct key exec_keys[] = {
	{ "command", KEY_STRS, COUNTED(struct profile_exec, command, command_count),
	  .required = true, .most_items = 64,
	  .doc = "program and arguments; the message is its standard input, an empty folder of its "
		 "own where it runs, out in it for what is to be stored" },
	{ "park_status", KEY_INT, FIELD(struct profile_exec, park_status), .least = 1, .most = 255,
	  .init = "65",
	  .doc = "exit status that says that no other try can succeed: the message is parked with "
		 "what the command said on standard error. 0 is done; any other status is tried "
		 "again later" },
	{ "sandbox", KEY_CHOICE, FIELD(struct profile_exec, sandbox), .choices = "none|files|all",
	  .init = "none",
	  .doc = "files: it reads the system's programs and what read names, and writes in its own "
		 "folder alone; all: and has no network. Its bounds hold in any case" },
	{ "read", KEY_STRS, COUNTED(struct profile_exec, read, read_count), .most_items = 32,
	  .doc = "files and folders that a command in a sandbox may read and execute, absolute" },
	{ "environment", KEY_STRS, COUNTED(struct profile_exec, environment, environment_count),
	  .most_items = 64,
	  .doc = "names that it gets from the worker's environment; credentials are never passed" },
	{ "persistent", KEY_BOOL, FIELD(struct profile_exec, persistent), .init = "false",
	  .doc = "the command is started once a slot and stays. Its first line on standard output "
		 "is {\"hello\":1}; then each job is a line of JSON on its standard input (job, a "
		 "number; message_id, receives, attributes and body of the message; deadline_ms, "
		 "when it is killed; folder and out), which it answers by {\"job\":N,\"state\":"
		 "\"done\"} or {\"job\":N,\"state\":\"failed\",\"reason\":\"...\"}, with "
		 "\"permanent\":true where no other try can succeed, and before that, as often as "
		 "it likes, by {\"job\":N,\"state\":\"working\",\"progress\":0.5}. One that says "
		 "anything else is killed, its job tried again later, and another started. The end "
		 "of its input asks it to end" },
	{ "max_jobs", KEY_INT, FIELD(struct profile_exec, max_jobs), .least = 0, .most = 1000000000,
	  .init = "0", .doc = "a persistent command is replaced after so many; 0: never for that" },
	{ "max_resident_megabytes", KEY_INT, FIELD(struct profile_exec, max_resident_megabytes),
	  .least = 0, .most = 1048576, .init = "0", .unit = "MiB",
	  .doc = "a persistent command that has grown past it is replaced between two jobs; 0: "
		 "never for that" },
};
TABLE(exec_table, struct profile_exec, exec_keys, "The command of processor: exec.");

static const struct key limits_keys[] = {
	{ "probe", KEY_SPAN, FIELD(struct profile_limits, probe), .least = 1000, .most = 600000,
	  .init = "30s", .doc = "for looking at a file" },
	{ "stall", KEY_SPAN, FIELD(struct profile_limits, stall),
	  GIVEN(struct profile_limits, has_stall), .least = 1000, .most = 39600000, .init = "60s",
	  .doc = "ffmpeg without progress for so long is killed; so is a command, where this is "
		 "given, that says nothing on standard output and error and touches not the file "
		 "that WINDLASS_ALIVE names, or is persistent and says no line of its job" },
	{ "wall", KEY_SPAN, FIELD(struct profile_limits, wall), .least = 1000, .most = 39600000,
	  .init = "1h",
	  .doc = "one ffmpeg or command, start to end; below the 12 hours that SQS hides a message "
		 "at most" },
	{ "cpu", KEY_SPAN, FIELD(struct profile_limits, cpu), .least = 1000, .most = 604800000,
	  .init = "6h",
	  .doc = "processor time of one ffmpeg or command; a persistent command is replaced "
		 "between "
		 "two jobs when it has used it, and killed at twice as much" },
	{ "max_output_megabytes", KEY_INT, FIELD(struct profile_limits, max_output_megabytes),
	  .least = 1, .most = 5120, .init = "2048", .unit = "MiB",
	  .doc = "a larger output is an error" },
	{ "max_memory_megabytes", KEY_INT, FIELD(struct profile_limits, max_memory_megabytes),
	  .least = 256, .most = 1048576, .init = "4096", .unit = "MiB",
	  .doc = "data of one ffmpeg or command, of which each thread's stack is a part" },
	{ "tolerance", KEY_SPAN, FIELD(struct profile_limits, tolerance), .least = 50,
	  .most = 10000, .init = "500ms",
	  .doc = "between the duration that source and profile promise and the output's" },
};
TABLE(limits_table, struct profile_limits, limits_keys, "When a job is given up.");

static const struct key profile_keys[] = {
	{ "version", KEY_INT, FIELD(struct profile, version), .required = true, .least = 1,
	  .most = 1, .doc = "of this format: 1" },
	{ "name", KEY_STR, FIELD(struct profile, name), .required = true,
	  .doc = "for logs and metadata" },
	{ "processor", KEY_CHOICE, FIELD(struct profile, processor), .choices = "video|exec",
	  .init = "video", .doc = "video: ffmpeg makes outputs of it; exec: a command is run" },
	{ "exec", KEY_MAP, FIELD(struct profile, exec), GIVEN(struct profile, has_exec),
	  .sub = &exec_table, .doc = "that command" },
	{ "input", KEY_MAP, FIELD(struct profile, input), .sub = &input_table,
	  .doc = "what is taken" },
	{ "assets", KEY_LIST, COUNTED(struct profile, assets, asset_count), .sub = &asset_table,
	  .most_items = PROFILE_ASSETS_MAX, .doc = "files beside the source" },
	{ "steps", KEY_LIST, COUNTED(struct profile, steps, step_count), .sub = &step_table,
	  .most_items = PROFILE_STEPS_MAX, .doc = "in their order" },
	{ "outputs", KEY_LIST, COUNTED(struct profile, outputs, output_count), .sub = &output_table,
	  .most_items = PROFILE_OUTPUTS_MAX, .doc = "the files that are made" },
	{ "manifest", KEY_STR, FIELD(struct profile, manifest),
	  .doc = "key of a list of all files, written when all are stored; needed where there is "
		 "more than one" },
	{ "limits", KEY_MAP, FIELD(struct profile, limits), .sub = &limits_table,
	  .doc = "when a job is given up" },
};
const struct key_table worker_profile_table = { .name = "profile",
						.doc = "What is to become of a job.",
						.size = sizeof(struct profile),
						.keys = profile_keys,
						.count = COUNT_OF(profile_keys) };

int worker_profile_print_making(const struct profile *p, struct buf *out)
{
	struct profile_exec exec = p->exec;

	exec.max_jobs = exec.max_resident_megabytes =
		0; /* when it is replaced makes nothing else */
	for (size_t i = 0; i < p->asset_count; i++)
		err_ignore(keys_print(&asset_table, &p->assets[i], out, 0));
	for (size_t i = 0; i < p->step_count; i++)
		err_ignore(keys_print(&step_table, &p->steps[i], out, 0));
	if (p->has_exec)
		err_ignore(keys_print(&exec_table, &exec, out, 0));
	for (size_t i = 0; i < p->output_count; i++)
		err_ignore(keys_print(&output_table, &p->outputs[i], out, 0));
	return out->full ? -1 : 0;
}
