"use strict";

const $ = id => document.getElementById(id);
const WORDS = { queued: "Waiting in the queue", processing: "Being processed", done: "Done", parked: "It could not be processed" };
const AGAIN_MS = 2000;

function say(what, text, bad) {
	$("progress").hidden = false;
	$("what").textContent = what;
	$("status").textContent = text;
	$("status").className = bad ? "bad" : "";
}

function fail(text) {
	say("That did not work", text, true);
	$("send").disabled = false;
}

/* The message of an error as the API sends it. */
function messageOf(text, status) {
	try {
		return JSON.parse(text).error.message;
	} catch {
		return `the server answered ${status}`;
	}
}

function show(outputs) {
	const list = $("outputs");

	list.replaceChildren();
	for (const output of outputs) {
		const item = document.createElement("li"), link = document.createElement("a");

		link.textContent = output.name;
		link.href = output.url;
		item.append(link);
		list.append(item);
	}
	const video = outputs.find(o => o.type.startsWith("video/")) || outputs[0];
	if (video)
		$("video").src = video.url;
	$("results").hidden = false;
}

/* True: nothing more will come. */
function tell(state) {
	const bar = $("bar");

	if (state.state === "processing")
		bar.value = state.progress;
	else if (state.state === "done")
		bar.value = 100;
	else
		bar.removeAttribute("value");
	say(WORDS[state.state] || state.state, state.reason || (state.state === "processing" ? `${state.progress} %` : ""),
		state.state === "parked");
	if (state.state === "done")
		show(state.outputs);
	return state.state === "done" || state.state === "parked";
}

/* One stream of events to its end; EventSource would send no token. True: nothing more will come. */
async function follow(url, token) {
	const answer = await fetch(url, { headers: { Authorization: `Bearer ${token}` } });
	const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
	let text = "";

	if (!answer.ok)
		throw new Error(`the server answered ${answer.status}`);
	for (;;) {
		const { value, done } = await reader.read();

		if (done)
			return false;
		text += value;
		const events = text.split("\n\n");
		text = events.pop();
		for (const event of events) {
			const data = event.split("\n").find(line => line.startsWith("data: "));

			if (data && tell(JSON.parse(data.slice(6))))
				return true;
		}
	}
}

async function followToTheEnd(id, token) {
	for (let failures = 0; failures < 30;) {
		try {
			if (await follow(`/api/videos/${id}/events`, token))
				break;
			failures = 0;
		} catch {
			failures++;
		}
		await new Promise(done => setTimeout(done, AGAIN_MS));
	}
	$("send").disabled = false;
}

function upload(token, title, file) {
	const form = new FormData(), call = new XMLHttpRequest();

	form.append("title", title);
	form.append("video_file", file);
	call.open("POST", "/api/videos/upload");
	call.setRequestHeader("Authorization", `Bearer ${token}`);
	call.setRequestHeader("Idempotency-Key", crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`);
	call.upload.onprogress = event => {
		if (!event.lengthComputable)
			return;
		const percent = Math.floor(100 * event.loaded / event.total);
		$("bar").value = percent;
		say("Uploading", `${percent} %`);
	};
	call.onerror = () => fail("the connection broke");
	call.onload = () => {
		if (call.status !== 201) {
			fail(messageOf(call.responseText, call.status));
			return;
		}
		const { video_id } = JSON.parse(call.responseText);
		document.body.dataset.video = video_id;
		say(WORDS.queued, "");
		followToTheEnd(video_id, token);
	};
	call.send(form);
}

$("form").addEventListener("submit", event => {
	event.preventDefault();
	$("send").disabled = true;
	$("results").hidden = true;
	$("bar").value = 0;
	say("Uploading", "0 %");
	upload($("token").value, $("title").value, $("file").files[0]);
});
